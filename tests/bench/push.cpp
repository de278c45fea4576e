// How fast a dump goes into an object store, as a multiple of the dump's own time: pg_dump > /dev/null, then
// pg_dump piped into kando (a snapshot, a second snapshot of the same dump, a plain object), into `zstd -1 >
// file` and into stock restic. The store is a real S3 server (versitygw) on this host, the database a fresh
// PostgreSQL with generated rows; without PostgreSQL a generated file is what is piped.
//
//     cmake --preset default && ninja -C build bench_push
//     build/bin/bench_push [--rows 5000000] [--rounds 3] [--kando build/bin/kando]
//
// Each line has its fastest round (the least disturbed one; the rounds are interleaved) and its largest RSS.
// CPU seconds and peak RSS are the receiving process's alone (wait4), bytes stored are what the store's
// folder grew by. Start it as root or as any user; PostgreSQL runs as `postgres` in the first case. Needs no
// network but the loopback.
#include <fcntl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <random>

#include "tests/unit/location/s3_server.h"

namespace {

using fencepost::testing::S3Server;
using fencepost::testing::TemporaryFolder;
using Words = std::vector<std::string>;

struct Settings {
    std::string rows = "5000000";
    int rounds = 3;
    std::string kando;
};

[[noreturn]] void fail(const std::string& why) {
    std::cerr << "bench_push: " << why << "\n";
    std::exit(1);
}

struct Start {
    Words words;
    int in = -1;
    int out = -1;
    uid_t user = 0;
    gid_t group = 0;
};

pid_t start(const Start& what) {
    std::vector<char*> argv;
    for (const std::string& word : what.words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0) fail("fork");
    if (pid > 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(what.in >= 0 ? what.in : null, 0);
    ::dup2(what.out >= 0 ? what.out : null, 1);
    if (what.user != 0) {
        [[maybe_unused]] const int done = ::chdir("/");
        if (::setgid(what.group) != 0 || ::setuid(what.user) != 0) ::_exit(126);
    }
    ::execvp(argv[0], argv.data());
    ::_exit(127);
}

struct Usage {
    double wall = 0;
    double cpu = 0;
    double rss_mib = 0;
};

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Usage wait_for(pid_t pid, const std::string& what) {
    int status = 0;
    rusage usage{};
    if (::wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(what + " failed");
    return {.cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime),
            .rss_mib = static_cast<double>(usage.ru_maxrss) / 1024};
}

void run(const Words& words, uid_t user = 0, gid_t group = 0, int out = -1) {
    wait_for(start({.words = words, .out = out, .user = user, .group = group}), words.front());
}

bool is_installed(const std::string& program) {
    return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}

std::uint64_t bytes_below(const std::filesystem::path& folder) {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
}

// A PostgreSQL of its own, on a socket in a temporary folder; stopped in the destructor.
class Database {
  public:
    static constexpr const char* kPrograms = "/usr/lib/postgresql/15/bin/";

    explicit Database(const std::string& rows) {
        if (::geteuid() == 0) {
            const passwd* entry = ::getpwnam("postgres");
            if (entry == nullptr) fail("there is no user postgres");
            user_ = entry->pw_uid;
            group_ = entry->pw_gid;
            if (::chown(folder_.path().c_str(), user_, group_) != 0) fail("chown");
        }
        const std::string data = (folder_.path() / "data").string();
        run({program("initdb"), "-D", data, "-U", "bench", "--auth=trust", "--no-sync", "-E", "UTF8",
             "--locale=C"},
            user_, group_);
        server_ =
            start({.words = {program("postgres"), "-D", data, "-k", folder_.path().string(), "-h", "", "-F",
                             "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-c", "autovacuum=off"},
                   .user = user_,
                   .group = group_});
        ::setenv("PGHOST", folder_.path().c_str(), 1);
        ::setenv("PGUSER", "bench", 1);
        ::setenv("PGDATABASE", "postgres", 1);
        for (int i = 0; i < 200; ++i) {
            const pid_t probe = start({.words = {program("pg_isready"), "-q"}});
            int status = 0;
            ::waitpid(probe, &status, 0);
            if (status == 0) break;
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
        // Rows as applications have them: keys, random identifiers, few-valued columns, names, amounts,
        // times, some prose.
        run({program("psql"), "-qXc",
             "create table orders as select i as id, md5(i::text || 'salt') as token, "
             "'customer-' || (random() * 200000)::int as customer, (array['new','paid','shipped','returned'])"
             "[1 + (random() * 3)::int] as state, (random() * 100000)::numeric(12,2) as amount, "
             "timestamptz '2024-01-01' + i * interval '7 seconds' as created_at, "
             "'The ' || (array['quick','lazy','red','large','small'])[1 + (random() * 4)::int] || ' parcel "
             "number ' || "
             "(random() * 1000000)::int || ' was handed to the carrier in ' || "
             "(array['Hamburg','Lyon','Porto','Gdansk','Turin','Graz'])[1 + (random() * 5)::int] as note "
             "from generate_series(1, " +
                 rows + ") i"});
    }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database() {
        ::kill(server_, SIGINT);
        ::waitpid(server_, nullptr, 0);
    }
    [[nodiscard]] static bool is_available() {
        return ::access((std::string(kPrograms) + "initdb").c_str(), X_OK) == 0;
    }
    [[nodiscard]] static std::string program(const std::string& name) { return kPrograms + name; }

  private:
    TemporaryFolder folder_;
    uid_t user_ = 0;
    gid_t group_ = 0;
    pid_t server_ = -1;
};

void write_dump_file(const std::string& path, std::uint64_t rows) {
    std::ofstream file(path);
    std::mt19937_64 random(1);
    for (std::uint64_t row = 0; row < rows; ++row) {
        file << row << '\t' << std::hex << random() << random() << std::dec << "\tcustomer-"
             << random() % 200'000 << "\tpaid\t" << random() % 10'000'000
             << "\t2024-01-01 00:00:00+00\tThe parcel number " << random() % 1'000'000
             << " was handed to the carrier in Hamburg\n";
    }
}

// producer | consumer; the time is that of both, CPU and memory are the consumer's.
Usage measure(const Words& producer, const Words& consumer, int out = -1) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    const auto begun = std::chrono::steady_clock::now();
    const pid_t from = start({.words = producer, .out = ends[1]});
    const pid_t to = start({.words = consumer, .in = ends[0], .out = out});
    ::close(ends[0]);
    ::close(ends[1]);
    Usage usage = wait_for(to, consumer.front());
    wait_for(from, producer.front());
    usage.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return usage;
}

Usage measure_alone(const Words& producer) {
    const auto begun = std::chrono::steady_clock::now();
    Usage usage = wait_for(start({.words = producer}), producer.front());
    usage.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return usage;
}

struct Line {
    std::vector<Usage> rounds;
    std::uint64_t stored = 0;
};

double least(const Line& line, double Usage::* member) {
    return std::ranges::min(line.rounds, {}, member).*member;
}

double most(const Line& line, double Usage::* member) {
    return std::ranges::max(line.rounds, {}, member).*member;
}

std::string profile_json(const S3Server& server, const std::string& prefix, bool snapshots) {
    return R"({"Location":{"type":"s3Compliant","bucket":"backups","endpoint":"http://127.0.0.1:)" +
           std::to_string(server.port()) + R"(","prefix":")" + prefix +
           R"(","region":"us-east-1"},"Credential":{"Type":"keyPair","KeyPair":{"ID":"fencepost","Secret":)"
           R"("fencepost-secret-key"}})" +
           (snapshots ? R"(,"RepositoryKey":"a-key-of-the-benchmark"})" : "}");
}

class Bench {
  public:
    Bench(Settings settings, Words producer)
        : settings_(std::move(settings)), producer_(std::move(producer)) {
        ::setenv("AWS_ACCESS_KEY_ID", "fencepost", 1);
        ::setenv("AWS_SECRET_ACCESS_KEY", "fencepost-secret-key", 1);
        ::setenv("RESTIC_PASSWORD", "a-key-of-the-benchmark", 1);
    }

    void run_all() {
        static_cast<void>(measure_alone(producer_));  // warms the caches
        for (int round = 0; round < settings_.rounds; ++round) {
            lines_["0 pg_dump > /dev/null"].rounds.push_back(measure_alone(producer_));
            const std::string prefix = "kando/" + std::to_string(round);
            kando("1 kando: snapshot", prefix, true);
            kando("2 kando: the same dump again", prefix, true);
            kando("3 kando: plain object", "plain/" + std::to_string(round), false);
            zstd();
            if (is_installed("restic")) restic(round);
        }
    }

    void print() const {
        const double base = least(lines_.at("0 pg_dump > /dev/null"), &Usage::wall);
        std::printf("%-30s %8s %8s %8s %9s %12s\n", "", "wall s", "ratio", "CPU s", "RSS MiB", "stored MB");
        for (const auto& [name, line] : lines_) {
            std::printf("%-30s %8.2f %8.2f %8.2f %9.0f %12.1f\n", name.c_str() + 2, least(line, &Usage::wall),
                        least(line, &Usage::wall) / base, least(line, &Usage::cpu),
                        most(line, &Usage::rss_mib), static_cast<double>(line.stored) / 1e6);
        }
    }

  private:
    void kando(const std::string& name, const std::string& prefix, bool snapshots) {
        ::setenv("FENCEPOST_PROFILE", profile_json(server_, prefix, snapshots).c_str(), 1);
        stored(name, [&] {
            return measure(producer_, {settings_.kando, "location", "push", "--path", "dump.sql", "-"});
        });
    }

    void restic(int round) {
        const std::string repository = "s3:http://127.0.0.1:" + std::to_string(server_.port()) +
                                       "/backups/restic/" + std::to_string(round);
        const Words common = {"restic", "--no-cache", "-q", "-r", repository};
        Words init = common;
        init.push_back("init");
        run(init);
        Words backup = common;
        backup.insert(backup.end(), {"backup", "--stdin", "--stdin-filename", "dump.sql"});
        stored("5 restic backup --stdin", [&] { return measure(producer_, backup); });
    }

    void zstd() {
        if (!is_installed("zstd")) return;
        const std::string path = (folder_.path() / "dump.zst").string();
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        Line& line = lines_["4 zstd -1 > file"];
        line.rounds.push_back(measure(producer_, {"zstd", "-1", "-q", "-c"}, file));
        ::close(file);
        line.stored = std::filesystem::file_size(path);
    }

    void stored(const std::string& name, const std::function<Usage()>& work) {
        const std::uint64_t before = bytes_below(server_.bucket_folder());
        Line& line = lines_[name];
        line.rounds.push_back(work());
        line.stored = bytes_below(server_.bucket_folder()) - before;
    }

    Settings settings_;
    Words producer_;
    S3Server server_;
    TemporaryFolder folder_;
    std::map<std::string, Line> lines_;
};

Settings parse(int argc, char** argv) {
    Settings settings;
    settings.kando = (std::filesystem::canonical("/proc/self/exe").parent_path() / "kando").string();
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string flag = argv[i];
        if (flag == "--rows") {
            settings.rows = argv[i + 1];
        } else if (flag == "--rounds") {
            settings.rounds = std::max(1, std::atoi(argv[i + 1]));
        } else if (flag == "--kando") {
            settings.kando = argv[i + 1];
        } else {
            fail("unknown flag " + flag);
        }
    }
    return settings;
}

}  // namespace

int main(int argc, char** argv) {
    const Settings settings = parse(argc, argv);
    if (S3Server::executable().empty()) {
        std::cout << "SKIPPED: versitygw is neither in PATH nor in ~/go/bin\n";
        return 0;
    }
    std::optional<Database> database;
    TemporaryFolder folder;
    Words producer;
    if (Database::is_available()) {
        database.emplace(settings.rows);
        producer = {Database::program("pg_dump"), "--no-password"};
    } else {
        std::cout << "no PostgreSQL here: a generated file takes the place of pg_dump\n";
        const std::string file = (folder.path() / "dump.sql").string();
        write_dump_file(file, std::stoull(settings.rows));
        producer = {"cat", file};
    }
    Bench bench(settings, producer);
    bench.run_all();
    bench.print();
    return 0;
}
