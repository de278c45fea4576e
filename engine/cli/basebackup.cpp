#include <unistd.h>

#include "archive/base.h"
#include "base/encodings.h"
#include "base/human.h"
#include "cli/archive_place.h"
#include "cli/interrupts.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

std::vector<std::string> row_of(const Value& base) {
    const auto size = [&](const char* member) {
        return bytes_text(static_cast<double>(base[member].int_or(0)));
    };
    return {base["name"].string_or(""),
            base["finished"].string_or("").substr(0, sizeof("2026-11-22T07:30:00") - 1) + "Z",
            std::to_string(base["timeline"].int_or(0)),
            base["startWal"].string_or(""),
            size("bytes"),
            size("storedBytes"),
            base["hasWal"].bool_or(false) ? "in it" : "archived",
            base["protected"].bool_or(false) ? "yes" : "no"};
}

void print_bases(const List& bases) {
    std::vector<std::vector<std::string>> rows;
    for (const Value& base : bases) rows.push_back(row_of(base));
    print(table({"NAME", "FINISHED", "TIMELINE", "FIRST WAL", "SIZE", "STORED", "WAL", "PROTECTED"}, rows));
}

// Bytes that have passed, redrawn on a terminal.
class Meter {
  public:
    explicit Meter(std::string what) : what_(std::move(what)) {}
    void operator()(std::uint64_t bytes) {
        const SteadyTime now = clock_.steady_now();
        if (!is_terminal(STDERR_FILENO) || now - told_ < std::chrono::milliseconds(200)) return;
        told_ = now;
        print_error("\r" + what_ + " " + bytes_text(static_cast<double>(bytes)) + "   ");
    }
    ~Meter() {
        if (told_ != SteadyTime{}) print_error("\n");
    }

  private:
    SystemClock clock_;
    std::string what_;
    SteadyTime told_{};
};

std::optional<SystemTime> target_of(const std::string& text) {
    if (text == "latest") return std::nullopt;
    try {
        return parse_rfc3339(text);
    } catch (const Error&) {
        throw UsageError("--recover-to '" + text + "' is no time",
                         "latest, none, or as in 2026-11-22T07:30:00Z");
    }
}

void print_report(const archive::DeleteReport& report) {
    const auto line = [](const char* what, const std::vector<std::string>& names) {
        if (!names.empty()) print(std::string(what) + joined(names, ", ") + "\n");
    };
    line("deleted: ", report.deleted);
    line("retained, the store holds them back: ", report.retained);
    line("kept: ", report.kept);
    print("WAL files deleted: " + std::to_string(report.wal_deleted) +
          (report.wal_retained > 0 ? ", retained: " + std::to_string(report.wal_retained) : "") + "\n");
}

}  // namespace

int push_base(const BaseBackupOptions& options, const World& world) {
    const Output output(options.output);
    block_interrupts();
    ArchivePlace place(options.place, world);
    CancelSource cancel;
    const Interrupts interrupts([&] { cancel.cancel(CancelReason::kUser); });
    Value base;
    {
        Meter meter("read");
        base = archive::push_base(place.store(), place.clock(),
                                  {.connection = options.connection,
                                   .label = options.label,
                                   .with_wal = options.with_wal,
                                   .is_protected = options.is_protected,
                                   .fencepost_version = world.version,
                                   .err = STDERR_FILENO,
                                   .on_progress = [&](std::uint64_t bytes) { meter(bytes); }},
                                  cancel.token())
                   .described();
    }
    if (output.is_table())
        print_bases({base});
    else
        print(output.text(base, {"basebackup/" + base["name"].string_or("")}));
    return kDone;
}

int list_bases(const BaseBackupOptions& options, const World& world) {
    const Output output(options.output);
    const ArchivePlace place(options.place, world);
    List bases;
    std::vector<std::string> names;
    for (const archive::BaseRecord& base : archive::list_bases(place.store(), CancelToken())) {
        bases.push_back(base.described());
        names.push_back("basebackup/" + base.name);
    }
    if (output.is_table())
        print_bases(bases);
    else
        print(output.text(Map{{"archive", place.store().description()}, {"items", std::move(bases)}}, names));
    return kDone;
}

int fetch_base(const BaseBackupOptions& options, const World& world) {
    std::optional<archive::Recovery> recovery;
    if (options.recover_to != "none") {
        recovery = {.restore_command = options.restore_command.empty() ? restore_command(options.place)
                                                                       : options.restore_command,
                    .target = target_of(options.recover_to),
                    .timeline = options.timeline};
    }
    block_interrupts();
    const ArchivePlace place(options.place, world);
    CancelSource cancel;
    const Interrupts interrupts([&] { cancel.cancel(CancelReason::kUser); });
    const archive::BaseRecord base = archive::find_base(
        place.store(), options.name, recovery ? recovery->target : std::nullopt, cancel.token());
    {
        Meter meter("written");
        archive::fetch_base(
            place.store(), base, options.folder, recovery, [&](std::uint64_t bytes) { meter(bytes); },
            cancel.token());
    }
    print("base backup " + base.name + " is in " + options.folder + "\n");
    if (!recovery && !base.has_wal) print("it needs WAL from " + base.segments().front() + " on to start\n");
    return kDone;
}

int delete_bases(const BaseBackupOptions& options, const World& world) {
    const Output output(options.output);
    if (options.name.empty() == (options.keep == 0))
        throw UsageError("basebackup delete takes either a NAME or --keep N");
    ArchivePlace place(options.place, world);
    const archive::DeleteReport report =
        options.keep > 0
            ? archive::keep_bases(place.store(), place.clock(), static_cast<std::size_t>(options.keep),
                                  options.protect, CancelToken())
            : archive::delete_base(place.store(), place.clock(), options.name, CancelToken());
    if (output.is_table())
        print_report(report);
    else
        print(output.text(report.to_value(), report.deleted));
    return kDone;
}

int protect_base(const BaseBackupOptions& options, const World& world) {
    const ArchivePlace place(options.place, world);
    archive::protect_base(place.store(), options.name, !options.ends_protection, CancelToken());
    return kDone;
}

}  // namespace fencepost::cli
