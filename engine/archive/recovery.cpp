#include "archive/base.h"
#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::archive {
namespace {

bool is_plain(std::string_view word) {
    return !word.empty() && word.find_first_not_of(
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:=,+@") == std::string_view::npos;
}

// For the shell, and with PostgreSQL's own '%' doubled.
std::string quoted_word(std::string_view word) {
    if (is_plain(word)) return std::string(word);
    std::string text = "'";
    for (const char c : word) {
        if (c == '\n' || c == '\0') throw Error(ErrorKind::kInvalid, "a setting cannot hold a line break");
        if (c == '\'')
            text += "'\\''";
        else
            text += c == '%' ? "%%" : std::string(1, c);
    }
    return text + "'";
}

// As postgresql.conf has strings: quotes doubled, and backslashes, which mean something there.
std::string quoted_setting(std::string_view value) {
    std::string text = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') text += c;
        text += c;
    }
    return text + "'";
}

// Of the zones that RFC 3339 knows, PostgreSQL reads "Z" too late for this setting.
std::string postgres_time(SystemTime time) {
    std::string text = format_rfc3339_nano(time);
    text.replace(text.size() - 1, 1, "+00");
    text.replace(text.find('T'), 1, " ");
    return text;
}

void check_timeline(const std::string& timeline) {
    const bool is_number = !timeline.empty() && timeline.size() <= 10 && timeline.front() != '0' &&
                           timeline.find_first_not_of("0123456789") == std::string::npos;
    if (is_number || timeline == "latest" || timeline == "current") return;
    throw Error(ErrorKind::kInvalid, "'" + timeline + "' is no timeline",
                "latest, current, or a number as wal list has it");
}

}  // namespace

std::string restore_command_of(const std::vector<std::string>& words) {
    std::string command;
    for (const std::string& word : words) command += quoted_word(word) + " ";
    return command + "\"%f\" \"%p\"";
}

std::string recovery_settings(const Recovery& recovery) {
    check_timeline(recovery.timeline);
    // All targets, since those of an earlier restore may stand above, and PostgreSQL takes one alone.
    std::string text = "# Written by fencepost basebackup fetch\n";
    for (const char* target :
         {"recovery_target", "recovery_target_name", "recovery_target_xid", "recovery_target_lsn"})
        text += std::string(target) + " = ''\n";
    text +=
        "recovery_target_time = " + quoted_setting(recovery.target ? postgres_time(*recovery.target) : "") +
        "\n";
    text += "recovery_target_timeline = " + quoted_setting(recovery.timeline) +
            "\nrecovery_target_action = 'promote'\n";
    return text + "restore_command = " + quoted_setting(recovery.restore_command) + "\n";
}

}  // namespace fencepost::archive
