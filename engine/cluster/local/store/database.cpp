#include "cluster/local/store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::cluster::local {
namespace {

constexpr int kSchemaVersion = 1;
// Every page that a commit changes is written to the log before its one sync, so few may change: a rowid
// table keeps a row of some kilobytes on its leaf (a "without rowid" one moves it to overflow pages), and the
// last revision is written only where no row carries it: after a deletion.
constexpr const char* kSchema = R"sql(
create table if not exists objects (
  id integer primary key,
  grp text not null, version text not null, resource text not null, namespace text not null, name text not null,
  revision integer not null, body text not null,
  unique (grp, resource, namespace, name)
);
create table if not exists revision (only integer primary key check (only = 1), last integer not null);
insert or ignore into revision values (1, 0);
)sql";

constexpr int kLogPages = 1'000;  // SQLite's default: after so many the log is copied into the database
constexpr std::size_t kLogBytes = std::size_t{kLogPages} * (4'096 + 24);

UniqueFd lock_folder(const std::filesystem::path& folder) {
    const auto path = folder / "lock";
    UniqueFd fd = open_file(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        char text[32] = {};
        const auto size = ::pread(fd.get(), text, sizeof text - 1, 0);
        std::string holder(text, size > 0 ? static_cast<std::size_t>(size) : 0);
        while (!holder.empty() && holder.back() == '\n') holder.pop_back();
        throw Error(ErrorKind::kFailedPrecondition,
                    "another Fencepost (pid " + (holder.empty() ? "unknown" : holder) + ") has " +
                        folder.string() + " open",
                    "stop it first, or give this one another --data-dir");
    }
    if (::ftruncate(fd.get(), 0) != 0) throw errno_error("cannot write " + path.string(), errno);
    write_all(fd.get(), std::to_string(::getpid()) + "\n");
    return fd;
}

// Syncing a file that grew writes its inode as well; so the log is as long as it gets before the first
// commit. SQLite takes a log's end from checksums, not from the file's size: zeros are past it.
void lengthen_log(std::filesystem::path path) {
    path += "-wal";
    const UniqueFd fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const auto size = std::filesystem::file_size(path);
    if (size >= kLogBytes) return;
    write_all(fd.get(), std::string(kLogBytes - size, '\0'));
    if (::fsync(fd.get()) != 0) throw errno_error("cannot write " + path.string(), errno);
}

std::string text_of(sqlite3_stmt* statement, int column) {
    const auto* text = sqlite3_column_text(statement, column);
    const int size = sqlite3_column_bytes(statement, column);
    return text == nullptr ? std::string()
                           : std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

void bind(sqlite3_stmt* statement, int index, const std::string& text) {
    sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
void Database::Close::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Database::Database(const std::filesystem::path& folder)
    : path_(folder / "cluster.db"), lock_(lock_folder(folder)) {
    // It holds Secrets: for nobody else's eyes. The log and shared memory files take over its mode.
    open_file(path_, O_RDWR | O_CREAT | O_CLOEXEC, 0600).reset();
    std::filesystem::permissions(path_,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(
        path_.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    handle_.reset(handle);
    if (code != SQLITE_OK) throw failure(code, "cannot open");
    sqlite3_extended_result_codes(handle, 1);
    run("pragma journal_mode = wal");
    run("pragma synchronous = full");
    run(("pragma wal_autocheckpoint = " + std::to_string(kLogPages)).c_str());
    lengthen_log(path_);
    const Statement version = prepare("pragma user_version");
    const int found = sqlite3_step(version.get()) == SQLITE_ROW ? sqlite3_column_int(version.get(), 0) : 0;
    if (found > kSchemaVersion) {
        throw Error(
            ErrorKind::kFailedPrecondition,
            path_.string() + " was written by a newer Fencepost (schema " + std::to_string(found) + ")",
            "use that version");
    }
    run(kSchema);
    if (found < kSchemaVersion) run(("pragma user_version = " + std::to_string(kSchemaVersion)).c_str());
    put_ = prepare(
        "insert into objects (grp, version, resource, namespace, name, revision, body) values "
        "(?,?,?,?,?,?,?) "
        "on conflict (grp, resource, namespace, name) do update "
        "set version = excluded.version, revision = excluded.revision, body = excluded.body");
    erase_ = prepare("delete from objects where grp = ? and resource = ? and namespace = ? and name = ?");
    set_erased_ = prepare("update revision set last = ?");
}

Error Database::failure(int code, const char* what) const {
    const int primary = code & 0xff;
    const std::string message = std::string(what) + " " + path_.string() + ": " +
                                (handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_.get()));
    if (primary == SQLITE_FULL) return {ErrorKind::kExhausted, message, "free some space; nothing was lost"};
    if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT) return {ErrorKind::kDataLoss, message};
    if (primary == SQLITE_IOERR) return {ErrorKind::kExhausted, message + " (is the disk full?)"};
    return {ErrorKind::kInternal, message};
}

void Database::run(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) throw failure(code, "cannot use");
}

Database::Statement Database::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) throw failure(code, "cannot use");
    return Statement(statement);
}

std::uint64_t Database::load(const std::function<void(Row row)>& each) {
    const Statement all =
        prepare("select grp, version, resource, namespace, name, revision, body from objects");
    std::uint64_t last_revision = 0;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(all.get())) == SQLITE_ROW) {
        Row row;
        row.key = {{text_of(all.get(), 0), text_of(all.get(), 1), text_of(all.get(), 2)},
                   text_of(all.get(), 3),
                   text_of(all.get(), 4)};
        row.revision = static_cast<std::uint64_t>(sqlite3_column_int64(all.get(), 5));
        row.object = parse_json(text_of(all.get(), 6));
        last_revision = std::max(last_revision, row.revision);
        each(std::move(row));
    }
    if (code != SQLITE_DONE) throw failure(code, "cannot read");
    const Statement erased = prepare("select last from revision");
    if (sqlite3_step(erased.get()) != SQLITE_ROW) throw failure(SQLITE_CORRUPT, "cannot read");
    return std::max(last_revision, static_cast<std::uint64_t>(sqlite3_column_int64(erased.get(), 0)));
}

void Database::commit(const std::vector<Row>& rows) {
    const auto step = [this](sqlite3_stmt* statement) {
        const int code = sqlite3_step(statement);
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        if (code != SQLITE_DONE) throw failure(code, "cannot write");
    };
    run("begin immediate");
    try {
        std::uint64_t last_erased = 0;
        for (const Row& row : rows) {
            const ResourceType& type = row.key.type;
            if (!row.object) {
                bind(erase_.get(), 1, type.group);
                bind(erase_.get(), 2, type.resource);
                bind(erase_.get(), 3, row.key.ns);
                bind(erase_.get(), 4, row.key.name);
                step(erase_.get());
                last_erased = row.revision;
                continue;
            }
            const std::string body = to_json(*row.object, {.escape_html = false, .indent = ""});
            bind(put_.get(), 1, type.group);
            bind(put_.get(), 2, type.version);
            bind(put_.get(), 3, type.resource);
            bind(put_.get(), 4, row.key.ns);
            bind(put_.get(), 5, row.key.name);
            sqlite3_bind_int64(put_.get(), 6, static_cast<sqlite3_int64>(row.revision));
            bind(put_.get(), 7, body);
            step(put_.get());
        }
        if (last_erased != 0) {
            sqlite3_bind_int64(set_erased_.get(), 1, static_cast<sqlite3_int64>(last_erased));
            step(set_erased_.get());
        }
        run("commit");
    } catch (...) {
        if (sqlite3_get_autocommit(handle_.get()) == 0)
            sqlite3_exec(handle_.get(), "rollback", nullptr, nullptr, nullptr);
        throw;
    }
}

}  // namespace fencepost::cluster::local
