// What bubblewrap is told, on a host that exists only here.
#include "cluster/local/pods/sandbox.h"

#include <catch2/catch.hpp>
#include <set>

namespace fencepost::cluster::local {

namespace {

// Folders "/", "/run", "/run/lock" and "/data"; "/var/run" is a link to "/run".
HostView small_host() {
    HostView host;
    host.type_of = [](const std::filesystem::path& path) {
        const std::set<std::string> folders{"/", "/run", "/run/lock", "/data"};
        return folders.contains(path.string()) ? HostView::Type::kFolder : HostView::Type::kNone;
    };
    host.resolve = [](const std::filesystem::path& path) {
        const std::string text = path.string();
        return std::filesystem::path(text.starts_with("/var/run") ? text.substr(4) : text);
    };
    host.entries = [](const std::filesystem::path& folder) {
        std::vector<HostView::Entry> entries;
        if (folder == "/run") entries.push_back({"lock", HostView::Type::kFolder, ""});
        return entries;
    };
    host.mode = [](const std::filesystem::path&) { return 0755U; };
    return host;
}

std::string command(std::vector<Mount> mounts) {
    std::string text;
    for (const std::string& word : sandbox_command("bwrap", std::move(mounts), small_host()))
        text += (text.empty() ? "" : " ") + word;
    return text;
}

}  // namespace

TEST_CASE("a mount over what is there needs nothing else") {
    CHECK(command({}).empty());
    CHECK(command({{.source = "/data", .target = "/run/lock"}}) ==
          "bwrap --dev-bind / / --bind /data /run/lock");
}

TEST_CASE("a mount point that is missing gets a place, and every user may go there") {
    CHECK(command({{.source = "/data", .target = "/var/run/secrets/here", .is_read_only = true}}) ==
          "bwrap --dev-bind / / --perms 0755 --tmpfs /run --dev-bind-try /run/lock /run/lock "
          "--perms 0755 --dir /run/secrets --ro-bind /data /run/secrets/here");
}

}  // namespace fencepost::cluster::local
