#include <algorithm>

#include "archive/base.h"
#include "archive/base_objects.h"
#include "archive/segment.h"
#include "archive/tar.h"
#include "archive/zstd_stream.h"
#include "base/command.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/program.h"
#include "location/checksum.h"
#include "value/json.h"

namespace fencepost::archive {
namespace {

constexpr std::size_t kManifestTail =
    64 * 1024;  // where the manifest tells of the WAL; before it are the files
constexpr std::chrono::seconds kArchivePatience{120};  // of a standby, for the last segment
constexpr std::chrono::milliseconds kAskEvery{500};

// What the tar says of itself while it passes.
class Inspection final : public TarVisitor {
  public:
    void begin(const TarEntry& entry) override {
        into_ = nullptr;
        if (entry.name == "global/pg_control") capture(control_, sizeof(std::uint64_t));
        if (entry.name == "PG_VERSION") capture(version_, 32);
        if (entry.name == "backup_manifest") capture(manifest_, 2 * kManifestTail);
        const bool is_wal = entry.name.starts_with("pg_wal/") && WalName::parse(entry.name.substr(7));
        if (is_wal && entry.kind == TarEntry::Kind::kFile) capture(segment_, kSegmentHeaderBytes);
    }
    void data(std::string_view bytes) override {
        if (into_ == nullptr) return;
        if (into_ == &manifest_) {  // its end
            manifest_ += bytes;
            if (manifest_.size() > most_) manifest_.erase(0, manifest_.size() - kManifestTail);
        } else if (into_->size() < most_) {
            *into_ += bytes.substr(0, most_ - into_->size());
        }
    }
    void end() override {}

    [[nodiscard]] std::uint64_t system() const {
        if (const auto system = system_of_control_file(control_)) return *system;
        throw Error(ErrorKind::kDataLoss, "the base backup has no global/pg_control");
    }
    // Of the WAL in it, where it has some.
    [[nodiscard]] std::optional<std::uint64_t> segment_bytes() const {
        if (segment_.empty()) return std::nullopt;
        return SegmentHeader::parse(segment_).segment_bytes;
    }
    [[nodiscard]] std::string version() const { return version_.substr(0, version_.find('\n')); }
    [[nodiscard]] std::vector<WalRange> ranges() const {
        const std::size_t member = manifest_.rfind("\"WAL-Ranges\"");
        const std::size_t open = manifest_.find('[', std::min(member, manifest_.size()));
        const std::size_t close = manifest_.find(']', std::min(open, manifest_.size()));
        if (close == std::string::npos) {
            throw Error(ErrorKind::kUnsupported, "the base backup has no manifest that tells of its WAL",
                        "the server has to be PostgreSQL 13 or later");
        }
        std::vector<WalRange> ranges;
        const Value list = parse_json(manifest_.substr(open, close - open + 1));
        for (const Value& range : list.list_or_empty()) {
            ranges.push_back({static_cast<std::uint32_t>(range["Timeline"].int_or(0)),
                              parse_lsn(range["Start-LSN"].string_or("")),
                              parse_lsn(range["End-LSN"].string_or(""))});
        }
        if (ranges.empty()) throw Error(ErrorKind::kDataLoss, "the base backup's manifest names no WAL");
        std::reverse(ranges.begin(), ranges.end());  // the manifest has the newest timeline first
        return ranges;
    }

  private:
    void capture(std::string& into, std::size_t most) {
        if (&into != &segment_ || segment_.empty()) {
            into.clear();
            into_ = &into;
            most_ = most;
        }
    }
    std::string control_, version_, manifest_, segment_;
    std::string* into_ = nullptr;
    std::size_t most_ = 0;
};

std::string tool_version() {
    const auto told = run_program({.words = {"pg_basebackup", "--version"}});
    if (!told) {
        throw Error(ErrorKind::kFailedPrecondition, "there is no pg_basebackup in PATH",
                    "it comes with PostgreSQL's clients: apt install postgresql-client");
    }
    return told->output.substr(0, told->output.find('\n'));
}

Command command_of(const BasePushOptions& options) {
    // A checkpoint at once: a scheduled one may be minutes away. Never a question for a password.
    Command command{
        .words = {"pg_basebackup", "--pgdata=-", "--format=tar", "--checkpoint=fast", "--no-password",
                  "--label=" + options.label, options.with_wal ? "--wal-method=fetch" : "--wal-method=none"},
        .environment = {}};
    if (!options.connection.empty()) command.words.push_back("--dbname=" + options.connection);
    return command;
}

std::string new_name(SystemTime now) {
    std::string time = format_rfc3339(now);
    std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
    return time + "-" + random_name_suffix();
}

class Push {
  public:
    Push(const Store& store, Clock& clock, const BasePushOptions& options, const CancelToken& cancel)
        : store_(store), clock_(clock), options_(options), cancel_(cancel) {}

    BaseRecord run() {
        record_.tool = tool_version();
        record_.fencepost_version = options_.fencepost_version;
        record_.has_wal = options_.with_wal;
        const auto known = store_.identity(cancel_);
        if (!known && !options_.with_wal) {
            throw Error(
                ErrorKind::kFailedPrecondition,
                "no WAL has come to " + store_.description() + ", and no base backup is of use without",
                "set archive_mode = on and archive_command = 'fencepost wal push ... %p' for this location "
                "and prefix, then: select pg_switch_wal(). Or give --with-wal");
        }
        record_.started = clock_.now();
        record_.name = new_name(record_.started);
        record_.is_protected = options_.is_protected;
        const std::string key = base_key(store_, record_.name, kTar);
        try {
            stream(key);
            describe(known);
            if (!options_.with_wal) wait_for_wal();
            if (options_.is_protected)
                static_cast<void>(
                    store_.put_new(base_key(store_, record_.name, kKeepMark), "kept\n", cancel_));
            cancel_.throw_if_cancelled();
            static_cast<void>(store_.put_new(base_key(store_, record_.name, kRecord),
                                             to_json(record_.to_value(), {.indent = "  "}) + "\n", cancel_));
        } catch (...) {
            take_back();
            throw;
        }
        return record_;
    }

  private:
    void stream(const std::string& key) {
        CommandOutput output(command_of(options_), options_.err, cancel_);
        location::Sha256 sha256;
        TarReader tar(inspection_);
        const location::Source plain = [&](char* buffer, std::size_t size) {
            const std::size_t got = output.read(buffer, size);
            const std::string_view bytes(buffer, got);
            if (got == 0) {
                tar.finish();
                return got;
            }
            sha256.update(bytes);
            tar.feed(bytes);
            record_.bytes += got;
            if (options_.on_progress) options_.on_progress(record_.bytes);
            return got;
        };
        const location::Source compressed = compressing(plain);
        const location::Source counted = [&](char* buffer, std::size_t size) {
            const std::size_t got = compressed(buffer, size);
            record_.stored_bytes += got;
            return got;
        };
        try {
            static_cast<void>(store_.location().put(key, counted, {}, cancel_));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kFailedPrecondition) throw;
            throw Error(
                error.kind(), error.what(),
                "pg_basebackup said why, above. A cluster with tablespaces of its own cannot be streamed: "
                "use pgbackrest for it, as in blueprints/postgres-pgbackrest");
        }
        record_.finished = clock_.now();
        record_.sha256 = hex_encode(location::as_text(sha256.finish()));
    }

    void describe(const std::optional<Identity>& known) {
        record_.system = inspection_.system();
        record_.server_version = inspection_.version();
        record_.ranges = inspection_.ranges();
        const auto segment_bytes = inspection_.segment_bytes();
        if (!segment_bytes && !known) throw Error(ErrorKind::kDataLoss, "the base backup holds no WAL");
        record_.segment_bytes = segment_bytes ? *segment_bytes : known->segment_bytes;
        store_.claim({.system = record_.system, .segment_bytes = record_.segment_bytes}, cancel_);
    }

    // On a primary the WAL is there: the server ends a backup when it has archived it.
    void wait_for_wal() {
        const SteadyTime until = clock_.steady_now() + kArchivePatience;
        for (const std::string& segment : record_.segments()) {
            while (!store_.location().stat(store_.wal_key(*WalName::parse(segment)), cancel_)) {
                if (clock_.steady_now() >= until) {
                    throw Error(
                        ErrorKind::kFailedPrecondition,
                        "the base backup needs the WAL segment " + segment + ", which has not come to " +
                            store_.description(),
                        "select * from pg_stat_archiver tells whether archiving works, and to where; on a "
                        "standby only archive_mode = always archives. Or give --with-wal");
                }
                clock_.sleep(kAskEvery, cancel_);
            }
        }
    }

    // Best effort: what stays is swept later.
    void take_back() const {
        for (const std::string_view object : {kRecord, kTar, kKeepMark}) {
            try {
                static_cast<void>(store_.remove(base_key(store_, record_.name, object), CancelToken()));
            } catch (const Error&) {
                return;
            }
        }
    }

    const Store& store_;
    Clock& clock_;
    const BasePushOptions& options_;
    const CancelToken& cancel_;
    Inspection inspection_;
    BaseRecord record_;
};

}  // namespace

BaseRecord push_base(const Store& store, Clock& clock, const BasePushOptions& options,
                     const CancelToken& cancel) {
    sweep_bases(store, clock, cancel);
    return Push(store, clock, options, cancel).run();
}

}  // namespace fencepost::archive
