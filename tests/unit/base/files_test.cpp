#include "base/files.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include "base/encodings.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"

using namespace fencepost;
namespace fs = std::filesystem;

namespace {
struct Folder {
    fs::path path = fs::temp_directory_path() / ("fencepost-base-" + random_name_suffix(8));
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }
};
}  // namespace

TEST_CASE("a durable write replaces the file whole and leaves nothing beside it") {
    const Folder folder;
    const fs::path file = folder.path / "state";
    write_file_durably(file, "one", 0600);
    write_file_durably(file, "two", 0600);
    CHECK(read_file(file) == "two");
    CHECK((fs::status(file).permissions() & fs::perms::others_read) == fs::perms::none);
    CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator{}) == 1);
}

TEST_CASE("file errors name the path and their kind") {
    try {
        (void)read_file("/nonexistent/fencepost");
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::kNotFound);
        CHECK_THAT(e.what(), Catch::Contains("/nonexistent/fencepost"));
    }
    const Folder folder;
    write_file_durably(folder.path / "big", std::string(100, 'x'));
    CHECK_THROWS_AS(read_file(folder.path / "big", 99), Error);
    CHECK(read_file(folder.path / "big", 100).size() == 100);
}

TEST_CASE("an error prints its trace outermost first") {
    Error error(ErrorKind::kNotFound, "pod 'pg-0' not found", "check the name");
    error.add_trace("phase 'dump'").add_trace("action 'backup'");
    CHECK(std::string(error.what()) == "action 'backup': phase 'dump': pod 'pg-0' not found");
}

TEST_CASE("a log line carries its fields and never a known secret, in clear or in base64") {
    Pipe pipe = make_pipe();
    Log log(pipe.write.get(), Log::Format::kJson, LogLevel::kInfo);
    log.redact("s3cr3t-value");
    log.debug("unseen");
    log.info("password is s3cr3t-value", {{"encoded", base64_encode("s3cr3t-value")}, {"line", "a\n\"b\""}});
    pipe.write.reset();
    std::string text(4096, '\0');
    text.resize(read_some(pipe.read.get(), text.data(), text.size()));
    CHECK_THAT(text, Catch::Contains(R"("msg":"password is ***")") && Catch::Contains(R"("encoded":"***")") &&
                         Catch::Contains(R"("line":"a\n\"b\"")") && !Catch::Contains("unseen"));
}
