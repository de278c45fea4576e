#include "cluster/local/pods/sandbox.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "base/error.h"

namespace fencepost::cluster::local {
namespace {

namespace fs = std::filesystem;

bool is_inside(const fs::path& path, const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

fs::path without_slash(const fs::path& path) {
    const fs::path normal = path.lexically_normal();
    return normal.has_filename() || normal == normal.root_path() ? normal : normal.parent_path();
}

class Planner {
  public:
    Planner(const std::string& bubblewrap, const HostView& host) : host_(host), words_{bubblewrap} {}

    std::vector<std::string> plan(std::vector<Mount> mounts) {
        for (Mount& mount : mounts) mount.target = without_slash(host_.resolve(without_slash(mount.target)));
        std::stable_sort(mounts.begin(), mounts.end(), [](const Mount& a, const Mount& b) {
            return std::distance(a.target.begin(), a.target.end()) <
                   std::distance(b.target.begin(), b.target.end());
        });
        std::set<fs::path> rebuilt;
        std::set<fs::path> made;  // folders above mount points that are not there
        for (auto mount = mounts.begin(); mount != mounts.end(); ++mount) {
            // Inside another mount, the mount point is made in that mount's source, as container runtimes do.
            const bool is_nested = std::any_of(mounts.begin(), mount, [&](const Mount& outer) {
                return is_inside(mount->target, outer.target);
            });
            const auto wanted = mount->is_file ? HostView::Type::kFile : HostView::Type::kFolder;
            if (is_nested || host_.type_of(mount->target) == wanted) continue;
            fs::path parent = mount->target.parent_path();
            while (host_.type_of(parent) != HostView::Type::kFolder) {
                made.insert(parent);
                parent = parent.parent_path();
            }
            rebuilt.insert(parent);
        }
        if (!rebuilt.contains("/")) add({"--dev-bind", "/", "/"});
        for (const fs::path& folder : rebuilt)
            rebuild(folder);  // sorted: a parent comes before what is in it
        // Left to itself, bubblewrap would make them for its own user alone.
        for (const fs::path& folder : made) add({"--perms", "0755", "--dir", folder.string()});
        for (const Mount& mount : mounts) {
            add({mount.is_read_only ? "--ro-bind" : "--bind", mount.source.string(), mount.target.string()});
        }
        return std::move(words_);
    }

  private:
    void add(std::initializer_list<std::string> words) { words_.insert(words_.end(), words); }

    void rebuild(const fs::path& folder) {
        const std::vector<HostView::Entry> entries = host_.entries(folder);
        if (entries.size() > kMaxRebuiltEntries) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "a mount path below " + folder.string() + " does not exist, and that folder has " +
                            std::to_string(entries.size()) +
                            " entries, too many to put a mount point beside them",
                        "create the mount path on this host, or choose another one");
        }
        if (folder != "/") {
            std::array<char, 8> mode{};
            std::snprintf(mode.data(), mode.size(), "%04o", host_.mode(folder) & 07777U);
            add({"--perms", mode.data(), "--tmpfs", folder.string()});
        }
        for (const HostView::Entry& entry : entries) {
            const std::string path = (folder / entry.name).string();
            if (entry.type == HostView::Type::kSymlink) {
                add({"--symlink", entry.link_target, path});
            } else {
                add({"--dev-bind-try", path, path});
            }
        }
    }

    const HostView& host_;
    std::vector<std::string> words_;
};

HostView::Type type_of(const fs::path& path) {
    std::error_code failed;
    const fs::file_status status = fs::status(path, failed);
    if (failed || !fs::exists(status)) return HostView::Type::kNone;
    return fs::is_directory(status) ? HostView::Type::kFolder : HostView::Type::kFile;
}

std::vector<HostView::Entry> entries_of(const fs::path& folder) {
    std::vector<HostView::Entry> entries;
    for (const fs::directory_entry& found : fs::directory_iterator(folder)) {
        HostView::Entry entry{
            .name = found.path().filename().string(), .type = HostView::Type::kFile, .link_target = {}};
        std::error_code failed;
        if (found.is_symlink(failed)) {
            entry.type = HostView::Type::kSymlink;
            entry.link_target = fs::read_symlink(found.path(), failed).string();
        } else if (found.is_directory(failed)) {
            entry.type = HostView::Type::kFolder;
        }
        if (!failed) entries.push_back(std::move(entry));
    }
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
}

}  // namespace

HostView real_host() {
    return {.type_of = type_of,
            .resolve = [](const fs::path& path) { return fs::weakly_canonical(path); },
            .entries = entries_of,
            .mode = [](const fs::path& path) -> unsigned {
                struct stat status{};
                return ::stat(path.c_str(), &status) == 0 ? status.st_mode : 0755U;
            }};
}

std::vector<std::string> sandbox_command(const std::string& bubblewrap, std::vector<Mount> mounts,
                                         const HostView& host) {
    if (mounts.empty()) return {};
    return Planner(bubblewrap, host).plan(std::move(mounts));
}

}  // namespace fencepost::cluster::local
