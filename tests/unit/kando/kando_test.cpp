// kando, run in process: its descriptors are pipes and files, its location is a folder.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/encodings.h"
#include "base/files.h"
#include "base/task_group.h"
#include "kando/kando.h"
#include "tests/unit/eventually.h"
#include "tests/unit/location/s3_server.h"
#include "value/json.h"

using namespace fencepost;
using fencepost::testing::TemporaryFolder;

namespace {

struct Ran {
    int code = -1;
    std::string out, err;
};

class Bench {
  public:
    Bench() { std::filesystem::create_directories(store()); }

    [[nodiscard]] std::filesystem::path store() const { return folder.path() / "store"; }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder.path() / name; }
    [[nodiscard]] std::string profile(const std::string& key = "") const {
        Map document{
            {"Location", Map{{"type", "filestore"}, {"path", store().string()}, {"prefix", "pre/fix"}}}};
        if (!key.empty()) document.set("RepositoryKey", key);
        return to_json(document);
    }
    void write(const std::string& name, const std::string& text) const { std::ofstream(file(name)) << text; }
    [[nodiscard]] std::string read(const std::string& name) const { return read_file(file(name)); }

    Ran run(const std::vector<std::string>& args, const std::string& profile_json,
            const std::string& input = "") {
        write("in", input);
        const UniqueFd in = open_file(file("in"), O_RDONLY);
        const UniqueFd out = open_file(file("out"), O_WRONLY | O_CREAT | O_TRUNC);
        const UniqueFd err = open_file(file("err"), O_WRONLY | O_CREAT | O_TRUNC);
        const kando::World world{.in = in.get(),
                                 .out = out.get(),
                                 .err = err.get(),
                                 .environment = [&](const std::string& name) -> std::optional<std::string> {
                                     if (name == "FENCEPOST_PROFILE" && !profile_json.empty())
                                         return profile_json;
                                     return std::nullopt;
                                 },
                                 .http = *http,
                                 .clock = clock,
                                 .cancel = cancel->token()};
        const int code = kando::run(args, world);
        return {code, read("out"), read("err")};
    }

    TemporaryFolder folder;
    SystemClock clock;
    std::unique_ptr<net::HttpClient> http = net::make_http_client();
    std::unique_ptr<CancelSource> cancel = std::make_unique<CancelSource>();
};

std::size_t files_below(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) ++count;
    }
    return count;
}

std::string snapshot_of(const Ran& push) {
    const std::string marker = "###Phase-output###: ";
    const std::size_t at = push.out.find(marker);
    REQUIRE(at != std::string::npos);
    return parse_json(push.out.substr(at + marker.size()))["value"].as_string();
}

}  // namespace

TEST_CASE("kando output prints Kanister's marker line") {
    Bench bench;
    CHECK(bench.run({"output", "key", "value"}, "").out ==
          "###Phase-output###: {\"key\":\"key\",\"value\":\"value\"}\n");
    CHECK(bench.run({"output", "k_1", "<a & \"b\">\n"}, "").out ==
          "###Phase-output###: {\"key\":\"k_1\",\"value\":\"\\u003ca \\u0026 \\\"b\\\"\\u003e\\n\"}\n");
    CHECK(bench.run({"output", "n", "-5"}, "").out ==
          "###Phase-output###: {\"key\":\"n\",\"value\":\"-5\"}\n");
    CHECK(bench.run({"-v", "info", "output", "a", ""}, "").code == 0);
    for (const std::vector<std::string>& bad : {std::vector<std::string>{"output"},
                                                {"output", "a"},
                                                {"output", "a", "b", "c"},
                                                {"output", "a-b", "c"}}) {
        const Ran ran = bench.run(bad, "");
        CHECK(ran.code == 69);
        CHECK(ran.out.empty());
        CHECK_FALSE(ran.err.empty());
    }
}

TEST_CASE("a plain object goes and comes back byte for byte, and push says how much there was") {
    Bench bench;
    const std::string bytes("some\0bytes\n", 11);
    const Ran push = bench.run({"location", "push", "--path", "a/b.bin", "-"}, bench.profile(), bytes);
    CHECK(push.code == 0);
    CHECK(push.out.ends_with("###Phase-progress###: {\"uploadedBytes\":11}\n"));
    CHECK((read_file(bench.store() / "pre/fix/a/b.bin") == bytes));
    CHECK((bench.run({"location", "pull", "-s", "a/b.bin", "-"}, bench.profile()).out == bytes));
    bench.write("source", "from a file");
    CHECK(bench.run({"location", "push", bench.file("source").string(), "-s", "/c//./d"}, bench.profile())
              .code == 0);
    CHECK(read_file(bench.store() / "pre/fix/c/d") == "from a file");
}

TEST_CASE("the profile comes from --profile or from the environment") {
    Bench bench;
    CHECK(bench.run({"location", "--profile", bench.profile(), "push", "-s", "k", "-"}, "", "x").code == 0);
    CHECK(bench.run({"location", "push", "-s", "k2", "-p=" + bench.profile(), "-"}, "not json", "x").code ==
          0);
    CHECK(bench.run({"location", "push", "-s", "k3", "-"}, bench.profile(), "x").code == 0);
    const Ran none = bench.run({"location", "push", "-s", "k4", "-"}, "", "x");
    CHECK(none.code == 69);
    CHECK(none.err.find("FENCEPOST_PROFILE") != std::string::npos);
    CHECK(bench.run({"location", "push", "-s", "k5", "-"}, "{", "x").code == 69);
}

TEST_CASE("a pull replaces the whole target, or leaves it as it was") {
    Bench bench;
    bench.run({"location", "push", "-s", "short", "-"}, bench.profile(), "short");
    bench.write("target", "something longer that was there before");
    ::chmod(bench.file("target").c_str(), 0600);
    CHECK(
        bench.run({"location", "pull", "-s", "short", bench.file("target").string()}, bench.profile()).code ==
        0);
    CHECK(bench.read("target") == "short");
    CHECK((std::filesystem::status(bench.file("target")).permissions() & std::filesystem::perms::all) ==
          std::filesystem::perms(0600));
    const Ran missing =
        bench.run({"location", "pull", "-s", "no-such", bench.file("target").string()}, bench.profile());
    CHECK(missing.code == 69);
    CHECK(missing.err.find("no-such") != std::string::npos);
    CHECK(bench.read("target") == "short");
    CHECK(bench.run({"location", "pull", "-s", "no-such", bench.file("fresh").string()}, bench.profile())
              .code == 69);
    CHECK_FALSE(std::filesystem::exists(bench.file("fresh")));
    std::filesystem::create_symlink("target", bench.file("link"));
    CHECK(bench.run({"location", "pull", "-s", "short", bench.file("link").string()}, bench.profile()).code ==
          0);
    CHECK(std::filesystem::is_symlink(bench.file("link")));
    CHECK(bench.run({"location", "pull", "-s", "short", "/dev/null"}, bench.profile()).code == 0);
    CHECK(std::filesystem::is_character_file("/dev/null"));
}

TEST_CASE("delete takes the object and what lies below it, never its siblings") {
    Bench bench;
    for (const std::string path : {"b-1", "b-10", "b/1", "b/2/x"}) {
        bench.run({"location", "push", "-s", path, "-"}, bench.profile(), "x");
    }
    CHECK(bench.run({"location", "delete", "-s", "b-1"}, bench.profile()).code == 0);
    CHECK(std::filesystem::exists(bench.store() / "pre/fix/b-10"));
    CHECK_FALSE(std::filesystem::exists(bench.store() / "pre/fix/b-1"));
    CHECK(bench.run({"location", "delete", "-s", "b"}, bench.profile()).code == 0);
    CHECK(bench.run({"location", "delete", "-s", "b"}, bench.profile()).code == 0);
    CHECK(files_below(bench.store()) == 1);
    for (const std::vector<std::string>& bad : {std::vector<std::string>{"location", "delete"},
                                                {"location", "delete", "-s", ""},
                                                {"location", "delete", "-s", "/"},
                                                {"location", "delete", "-s", "../x"},
                                                {"location", "delete", "-s", "b", "extra"}}) {
        CHECK(bench.run(bad, bench.profile()).code == 69);
    }
    CHECK(files_below(bench.store()) == 1);
}

TEST_CASE(
    "a profile with a repository key makes snapshots, and gives their name out as Kanister's kopia does") {
    Bench bench;
    const std::string profile = bench.profile("a-repository-key");
    const Ran push =
        bench.run({"location", "push", "-s", "db/dump.sql", "-o", "kopiaOutput", "-"}, profile, "the dump");
    REQUIRE(push.code == 0);
    CHECK_THAT(push.out, Catch::Contains(
                             "\n###Phase-output###: {\"key\":\"kopiaOutput\",\"value\":\"{\\\"id\\\":\\\""));
    const Value snapshot = parse_json(snapshot_of(push));
    CHECK(snapshot["id"].as_string().size() == 64);
    CHECK(snapshot["logicalSize"].as_int() == 8);
    CHECK(snapshot["physicalSize"].as_int() > 0);
    CHECK(bench.run({"location", "pull", "-s", "db/dump.sql", "-k", to_json(snapshot), "-"}, profile).out ==
          "the dump");
    CHECK(bench.run({"location", "pull", "-k", snapshot["id"].as_string(), "-"}, profile).out == "the dump");
    CHECK(bench.run({"location", "push", "-s", "p", "-"}, profile, "x").out.find("\"key\":\"kandoOutput\"") !=
          std::string::npos);

    const Ran without = bench.run({"location", "pull", "-s", "db/dump.sql", "-"}, profile);
    CHECK(without.code == 69);
    CHECK(without.err.find("--kopia-snapshot") != std::string::npos);
    const Ran other_key =
        bench.run({"location", "pull", "-k", to_json(snapshot), "-"}, bench.profile("another-key"));
    CHECK(other_key.code == 69);
    CHECK(other_key.out.empty());
    CHECK(other_key.err.find("another-key") == std::string::npos);
    CHECK(bench.run({"location", "pull", "-k", to_json(snapshot), "-"}, bench.profile()).code == 69);
    for (const std::string bad : {"{}", "{", "latest", "{\"id\":\"../x\"}", ""}) {
        CAPTURE(bad);
        CHECK(bench.run({"location", "pull", "-s", "x", "-k", bad, "-"}, profile).code == 69);
    }

    for (int again = 0; again < 2; ++again) {
        CHECK(bench.run({"location", "delete", "-s", "db/dump.sql", "-k", to_json(snapshot)}, profile).code ==
              0);
    }
    const Ran gone = bench.run({"location", "pull", "-k", to_json(snapshot), "-"}, profile);
    CHECK(gone.code == 69);
    CHECK(gone.err.find("there is no snapshot") != std::string::npos);
}

TEST_CASE("push --exec stores a command's output only if the command succeeds") {
    for (const std::string key : {"", "a-repository-key"}) {
        Bench bench;
        const std::string profile = bench.profile(key);
        const auto exec = [&](const std::vector<std::string>& command) {
            std::vector<std::string> args = {"location", "push", "-s", "k", "--exec", "--"};
            args.insert(args.end(), command.begin(), command.end());
            return bench.run(args, profile);
        };
        CAPTURE(key);
        const Ran good = exec({"sh", "-c", "echo dumped; echo chatter >&2"});
        CHECK(good.code == 0);
        CHECK(good.err.find("chatter") != std::string::npos);
        const Ran pulled = key.empty()
                               ? bench.run({"location", "pull", "-s", "k", "-"}, profile)
                               : bench.run({"location", "pull", "-k", snapshot_of(good), "-"}, profile);
        CHECK(pulled.out == "dumped\n");

        const auto artifacts = [&] {
            return files_below(key.empty() ? bench.store() / "pre/fix" : bench.store() / "pre/fix/snapshots");
        };
        REQUIRE(artifacts() == 1);
        const Ran failed = exec({"sh", "-c", "head -c 3000000 /dev/zero; exit 3"});
        CHECK(failed.code == 69);
        CHECK(failed.out.find("###Phase-output###") == std::string::npos);
        CHECK(failed.err.find("ended with exit code 3") != std::string::npos);
        CHECK(exec({"sh", "-c", "echo half; kill -9 $$"}).err.find("signal 9") != std::string::npos);
        CHECK(exec({"sh", "-c", "exec 1>&-; sleep 0.2; exit 4"}).err.find("exit code 4") !=
              std::string::npos);
        const Ran missing = exec({"/no/such/command"});
        CHECK(missing.code == 69);
        CHECK(missing.err.find("/no/such/command") != std::string::npos);
        CHECK(artifacts() == 1);
        if (key.empty()) CHECK(read_file(bench.store() / "pre/fix/k") == "dumped\n");
        if (!key.empty()) CHECK_FALSE(std::filesystem::exists(bench.store() / "pre/fix/locks"));
    }
}

TEST_CASE("a command whose output cannot be stored is ended") {
    Bench bench;
    std::filesystem::remove(bench.store());
    const std::string pid_file = bench.file("pid").string();
    const auto begun = std::chrono::steady_clock::now();
    const Ran ran = bench.run({"location", "push", "-s", "k", "--exec", "--", "sh", "-c",
                               "echo $$ > " + pid_file + "; trap '' PIPE; sleep 30"},
                              bench.profile());
    CHECK(ran.code == 69);
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{10});
    if (std::filesystem::exists(pid_file)) {
        std::string pid = read_file(pid_file);
        CHECK(::kill(std::stoi(pid), 0) != 0);
    }
}

TEST_CASE("cancelling a push ends its command and stores nothing") {
    Bench bench;
    TaskGroup canceller;
    canceller.spawn([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{300});
        bench.cancel->cancel(CancelReason::kUser);
    });
    const auto begun = std::chrono::steady_clock::now();
    const Ran ran = bench.run(
        {"location", "push", "-s", "k", "--exec", "--", "sh", "-c", "echo begun; sleep 30"}, bench.profile());
    CHECK(ran.code == 69);
    CHECK(ran.err.find("cancelled") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{10});
    CHECK(files_below(bench.store()) == 0);
}

TEST_CASE("command lines that are wrong say what is, with exit code 69") {
    Bench bench;
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{"nonsense"}, "unknown command 'nonsense'"},
        {{"location", "nonsense"}, "unknown command 'nonsense'"},
        {{"location", "push"}, "takes one source"},
        {{"location", "push", "-s", "k", "a", "b"}, "takes one source"},
        {{"location", "push", "-s", "k", "--nonsense", "-"}, "unknown flag: --nonsense"},
        {{"location", "push", "-s", "k", "-x", "-"}, "unknown shorthand flag: 'x'"},
        {{"location", "push", "-", "-s"}, "flag needs an argument: -s"},
        {{"location", "push", "-s", "k", "-k", "{}", "-"}, "takes no --kopia-snapshot"},
        {{"location", "push", "-s", "k", "--exec"}, "--exec takes its command"},
        {{"location", "push", "-s", "k", "-", "--exec", "--", "true"}, "--exec takes its command"},
        {{"location", "push", "-s", "k", "-", "--", "true"}, "push --exec"},
        {{"location", "push", "-s", "k", "-o", "not a key", "-"}, "is no output key"},
        {{"location", "push", "-s", "k", "-r", "{}", "-"}, "repository servers are not supported"},
        {{"location", "pull", "-s", "k"}, "takes one target"},
        {{"location", "push", "-"}, "the path is empty"},
        {{"chronicle", "push", "true"}, "needs --profile-path"},
        {{"chronicle", "nonsense"}, "unknown command"},
    };
    for (const auto& [args, message] : cases) {
        const Ran ran = bench.run(args, bench.profile(), "x");
        CAPTURE(args, ran.err);
        CHECK(ran.code == 69);
        CHECK(ran.out.empty());
        CHECK(ran.err.find(message) != std::string::npos);
    }
    CHECK(files_below(bench.store()) == 0);
}

TEST_CASE("help names every command, with examples") {
    Bench bench;
    for (const std::vector<std::string>& args : {std::vector<std::string>{},
                                                 {"--help"},
                                                 {"location", "--help"},
                                                 {"location", "push", "-h"},
                                                 {"repository", "--help"},
                                                 {"output", "-h"},
                                                 {"chronicle", "--help"},
                                                 {"chronicle", "push", "-h"}}) {
        const Ran ran = bench.run(args, "");
        CHECK(ran.code == 0);
        CHECK(ran.out.find("Exit code") != std::string::npos);
    }
}

TEST_CASE("a folder goes into a repository and comes back, by id, by tag, whole and in part") {
    Bench bench;
    const std::string profile = bench.profile("repository-key");
    const std::filesystem::path source = bench.file("source");
    std::filesystem::create_directories(source / "sub");
    bench.write("source/a", "first");
    bench.write("source/sub/b", "second");
    const Ran stored = bench.run({"repository", "backup", source.string() + "/", "--tag", "t1"}, profile);
    CAPTURE(stored.err);
    REQUIRE(stored.code == 0);
    // A slow machine has told of less before.
    const std::size_t last_line = stored.out.rfind('\n', stored.out.size() - 2) + 1;
    CHECK(stored.out.substr(0, last_line).ends_with("###Phase-progress###: {\"uploadedBytes\":11}\n"));
    const Value summary = parse_json(stored.out.substr(last_line));
    CHECK(summary["message_type"] == Value("summary"));
    CHECK(summary["total_files_processed"] == Value(2));
    CHECK(summary["total_bytes_processed"] == Value(11));
    const std::string id = summary["snapshot_id"].as_string();

    const std::string root = bench.file("root").string();
    REQUIRE(bench.run({"repository", "restore", root, "--tag", "t1"}, profile).code == 0);
    CHECK(read_file(root + source.string() + "/sub/b") == "second");
    const std::string part = bench.file("part").string();
    const Ran ran = bench.run(
        {"repository", "restore", part, "--snapshot", id.substr(0, 8), "--path", (source / "sub").string()},
        profile);
    REQUIRE(ran.code == 0);
    CHECK(ran.out.find("\"files_restored\":1") != std::string::npos);
    CHECK(read_file(part + "/b") == "second");

    bench.write("source/a", "third!");
    REQUIRE(bench.run({"repository", "backup", source.string(), "-t", "t1"}, profile).code == 0);
    REQUIRE(bench.run({"repository", "restore", part, "-t", "t1", "-s", source.string()}, profile).code == 0);
    CHECK(read_file(part + "/a") == "third!");
}

TEST_CASE("kando repository says what is wrong, and makes no repository over a ruin") {
    Bench bench;
    const std::string profile = bench.profile("repository-key");
    const auto says = [&](const std::vector<std::string>& args, const std::string& with,
                          const std::string& text) {
        const Ran ran = bench.run(args, with);
        CAPTURE(ran.err, text);
        CHECK(ran.code == 69);
        CHECK(ran.err.find(text) != std::string::npos);
    };
    const std::string target = bench.file("target").string();
    says({"repository", "backup", target}, bench.profile(), "no repository key");
    says({"repository", "backup"}, profile, "takes one folder");
    says({"repository", "backup", target, "--snapshot", "ab"}, profile, "takes no --snapshot");
    says({"repository", "mend", target}, profile, "unknown command 'mend'");
    says({"repository", "restore", target}, profile, "either --snapshot or --tag");
    says({"repository", "restore", target, "--tag", "t"}, profile, "there is no repository");
    says({"repository", "backup", target}, profile, "there is no file or folder");
    says({"repository", "restore", target, "--tag", "t"}, profile, "no snapshot has the tag 't'");
    says({"repository", "restore", target, "--tag", "t"}, bench.profile("another-key"), "does not open");

    bench.write("file", "text");
    REQUIRE(bench.run({"repository", "backup", bench.file("file").string()}, profile).code == 0);
    std::filesystem::remove(bench.store() / "pre/fix/config");
    says({"repository", "backup", bench.file("file").string()}, profile, "has snapshots, but no config");
}

TEST_CASE("no secret of the profile reaches stderr") {
    Bench bench;
    const std::string profile = to_json(Map{
        {"Location", Map{{"type", "s3Compliant"}, {"bucket", "bucket"}, {"endpoint", "http://127.0.0.1:1"}}},
        {"Credential",
         Map{{"Type", "keyPair"}, {"KeyPair", Map{{"ID", "the-id"}, {"Secret", "canary-secret"}}}}},
        {"RepositoryKey", "canary-repository"}});
    const Ran ran = bench.run({"location", "pull", "-s", "canary-secret/canary-repository", "-"}, profile);
    CHECK(ran.code == 69);
    CHECK_FALSE(ran.err.empty());
    CHECK(ran.err.find("canary") == std::string::npos);
}

TEST_CASE("a chronicle keeps the newest round, and says which one it is") {
    Bench bench;
    bench.write("profile.json", bench.profile());
    bench.write("path", "chron/icle\n");
    std::filesystem::create_directories(bench.file("env"));
    bench.write("env/GREETING", "hello\nignored");
    TaskGroup canceller;
    canceller.spawn([&] {
        const auto rounds = bench.store() / "pre/fix/chron/icle-3";
        eventually([&] { return std::filesystem::exists(rounds); });
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
        bench.cancel->cancel(CancelReason::kUser);
    });
    const Ran push = bench.run(
        {"chronicle", "push", "-p", bench.file("profile.json").string(), "-s", bench.file("path").string(),
         "-e", bench.file("env").string(), "-f", "150ms", "--", "echo", "$GREETING", "$HOME."},
        "");
    canceller.join();
    CAPTURE(push.err);
    CHECK((push.code == 0 || push.err.find("cancelled") != std::string::npos));
    CHECK(files_below(bench.store()) <= 3);
    bench.cancel = std::make_unique<CancelSource>();
    const Ran pull = bench.run({"chronicle", "pull", "-s", "chron/icle", "-"}, bench.profile());
    CHECK(pull.code == 0);
    CHECK(pull.out == "hello .\n");
    CHECK(bench.run({"chronicle", "pull", "-s", "none", "-"}, bench.profile()).code == 69);
}

TEST_CASE("a chronicle whose command fails ends, and the newest round stays") {
    Bench bench;
    bench.write("profile.json", bench.profile());
    bench.write("path", "c");
    bench.run({"location", "push", "-s", "c-7", "-"}, bench.profile(), "seven");
    bench.run({"location", "push", "-s", "c", "-"}, bench.profile(), "c-7");
    const Ran push = bench.run({"chronicle", "push", "-p", bench.file("profile.json").string(), "-s",
                                bench.file("path").string(), "echo half; exit 5"},
                               "");
    CHECK(push.code == 69);
    CHECK(push.err.find("exit code 5") != std::string::npos);
    CHECK(bench.run({"chronicle", "pull", "-s", "c", "-"}, bench.profile()).out == "seven");
    CHECK_FALSE(std::filesystem::exists(bench.store() / "pre/fix/c-8"));
}

TEST_CASE("kando speaks to a real S3 server, and says what is wrong with a profile") {
    using fencepost::testing::S3Server;
    if (S3Server::executable().empty()) {
        std::cout << "SKIPPED: kando with S3 (versitygw is not installed)\n";
        return;
    }
    S3Server server;
    Bench bench;
    const auto profile = [&](const std::string& bucket, const std::string& secret, const std::string& key) {
        Map document{{"Location", Map{{"type", "s3Compliant"},
                                      {"bucket", bucket},
                                      {"endpoint", "http://127.0.0.1:" + std::to_string(server.port())},
                                      {"prefix", "/team//a/"},
                                      {"region", "us-east-1"}}},
                     {"Credential",
                      Map{{"Type", "keyPair"}, {"KeyPair", Map{{"ID", "fencepost"}, {"Secret", secret}}}}},
                     {"SkipSSLVerify", false}};
        if (!key.empty()) document.set("RepositoryKey", key);
        return to_json(document);
    };
    const std::string good = profile(S3Server::kBucket, "fencepost-secret-key", "");
    const std::string snapshots = profile(S3Server::kBucket, "fencepost-secret-key", "a-repository-key");
    REQUIRE(bench.run({"location", "push", "-s", "k", "-"}, good, "plain").code == 0);
    CHECK(read_file(server.bucket_folder() / "team/a/k") == "plain");
    CHECK(bench.run({"location", "pull", "-s", "k", "-"}, good).out == "plain");
    const Ran push = bench.run({"location", "push", "-s", "s", "-"}, snapshots, "in a snapshot");
    REQUIRE(push.code == 0);
    CHECK(bench.run({"location", "pull", "-s", "s", "-k", snapshot_of(push), "-"}, snapshots).out ==
          "in a snapshot");
    CHECK(bench.run({"location", "delete", "-s", "s", "-k", snapshot_of(push)}, snapshots).code == 0);
    CHECK(bench.run({"location", "delete", "-s", "k"}, good).code == 0);
    CHECK_FALSE(std::filesystem::exists(server.bucket_folder() / "team/a/k"));

    const Ran gone =
        bench.run({"location", "push", "-s", "k", "-"}, profile("gone", "fencepost-secret-key", ""), "x");
    CHECK(gone.code == 69);
    CHECK(gone.err.find("the bucket 'gone' does not exist") != std::string::npos);
    const Ran wrong =
        bench.run({"location", "push", "-s", "k", "-"}, profile(S3Server::kBucket, "wrong-key", ""), "x");
    CHECK(wrong.code == 69);
    CHECK(wrong.err.find("the secret access key of the profile is wrong") != std::string::npos);
    CHECK(wrong.err.find("wrong-key") == std::string::npos);
}
