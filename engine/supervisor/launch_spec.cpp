#include "supervisor/launch_spec.h"

#include <charconv>
#include <functional>

namespace fencepost::supervisor {
namespace {

// The last record of both forms: bytes that lack it were cut short.
constexpr std::string_view kEnd = "end";

void put(std::string& bytes, std::string_view key, std::string_view value) {
    bytes.append(key).append("=").append(value).push_back('\0');
}

template <typename T>
bool parse_number(std::string_view text, T& number) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failed == std::errc() && end == text.data() + text.size();
}

// False where the bytes are cut short or `take` refuses a record.
bool for_each_record(std::string_view bytes,
                     const std::function<bool(std::string_view, std::string_view)>& take) {
    while (!bytes.empty()) {
        const std::size_t zero = bytes.find('\0');
        if (zero == std::string_view::npos) return false;
        const std::string_view record = bytes.substr(0, zero);
        bytes.remove_prefix(zero + 1);
        if (record == kEnd) return true;
        const std::size_t equals = record.find('=');
        if (equals == std::string_view::npos) return false;
        if (!take(record.substr(0, equals), record.substr(equals + 1))) return false;
    }
    return false;
}

}  // namespace

std::string encode(const LaunchSpec& spec) {
    std::string bytes;
    for (const std::string& word : spec.command) put(bytes, "arg", word);
    for (const std::string& variable : spec.environment) put(bytes, "env", variable);
    put(bytes, "cwd", spec.working_dir);
    if (spec.uid) put(bytes, "uid", std::to_string(*spec.uid));
    if (spec.gid) put(bytes, "gid", std::to_string(*spec.gid));
    for (const std::uint32_t group : spec.groups) put(bytes, "group", std::to_string(group));
    for (const std::string& word : spec.sandbox) put(bytes, "sandbox", word);
    put(bytes, "log-bytes", std::to_string(spec.log_bytes));
    put(bytes, "log-files", std::to_string(spec.log_files));
    put(bytes, "grace", std::to_string(spec.grace_seconds));
    bytes.append(kEnd).push_back('\0');
    return bytes;
}

std::optional<LaunchSpec> decode_launch_spec(std::string_view bytes) {
    LaunchSpec spec;
    const bool is_whole = for_each_record(bytes, [&](std::string_view key, std::string_view value) {
        if (key == "arg") return spec.command.emplace_back(value), true;
        if (key == "env") return spec.environment.emplace_back(value), true;
        if (key == "cwd") return spec.working_dir = value, true;
        if (key == "uid") return parse_number(value, spec.uid.emplace());
        if (key == "gid") return parse_number(value, spec.gid.emplace());
        if (key == "group") return parse_number(value, spec.groups.emplace_back());
        if (key == "sandbox") return spec.sandbox.emplace_back(value), true;
        if (key == "log-bytes") return parse_number(value, spec.log_bytes);
        if (key == "log-files") return parse_number(value, spec.log_files);
        if (key == "grace") return parse_number(value, spec.grace_seconds);
        return false;
    });
    if (!is_whole || spec.command.empty()) return std::nullopt;
    return spec;
}

std::string encode(const GuardSpec& spec) {
    std::string bytes;
    put(bytes, "supervisor", std::to_string(spec.supervisor.pid));
    put(bytes, "supervisor-ticks", std::to_string(spec.supervisor.ticks));
    put(bytes, "started", spec.started);
    put(bytes, "wall", std::to_string(spec.wall_deadline));
    put(bytes, "monotonic", std::to_string(spec.monotonic_deadline));
    bytes.append(kEnd).push_back('\0');
    return bytes;
}

std::optional<GuardSpec> decode_guard_spec(std::string_view bytes) {
    GuardSpec spec;
    const bool is_whole = for_each_record(bytes, [&](std::string_view key, std::string_view value) {
        if (key == "supervisor") return parse_number(value, spec.supervisor.pid);
        if (key == "supervisor-ticks") return parse_number(value, spec.supervisor.ticks);
        if (key == "started") return spec.started = value, true;
        if (key == "wall") return parse_number(value, spec.wall_deadline);
        if (key == "monotonic") return parse_number(value, spec.monotonic_deadline);
        return false;
    });
    if (!is_whole) return std::nullopt;
    return spec;
}

std::string encode(const ExitRecord& record) {
    std::string bytes;
    put(bytes, "code", std::to_string(record.code));
    put(bytes, "signal", std::to_string(record.signal));
    put(bytes, "reason", record.reason);
    put(bytes, "message", record.message);
    put(bytes, "started", std::to_string(record.started));
    put(bytes, "finished", std::to_string(record.finished));
    bytes.append(kEnd).push_back('\0');
    return bytes;
}

std::optional<ExitRecord> decode_exit_record(std::string_view bytes) {
    ExitRecord record;
    const bool is_whole = for_each_record(bytes, [&](std::string_view key, std::string_view value) {
        if (key == "code") return parse_number(value, record.code);
        if (key == "signal") return parse_number(value, record.signal);
        if (key == "reason") return record.reason = value, true;
        if (key == "message") return record.message = value, true;
        if (key == "started") return parse_number(value, record.started);
        if (key == "finished") return parse_number(value, record.finished);
        return false;
    });
    if (!is_whole) return std::nullopt;
    return record;
}

}  // namespace fencepost::supervisor
