#include "cluster/local/pods/pod_volumes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "cluster/local/pods/container_plan.h"

namespace fencepost::cluster::local {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void not_mounted(const std::string& volume, const std::string& what) {
    throw NotReady{"ContainerCreating", "MountVolume.SetUp failed for volume \"" + volume + "\" : " + what};
}

struct File {
    std::string bytes;
    unsigned mode = 0644;
};
using Files = std::map<std::string, File>;

// Where the files of a Pod's volumes lie, and whose they are.
struct FilesOfPod {
    const VolumeRoots& roots;
    const Value& group;  // fsGroup

    [[nodiscard]] fs::path memory_root() const {
        return roots.memory.empty() ? roots.pod / "_volumes" : roots.memory;
    }

    void own(const fs::path& path, unsigned mode) const {
        if (!group.is_nil() && ::geteuid() == 0) {
            if (::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group.as_int())) != 0) {
                throw errno_error("chown " + path.string(), errno);
            }
            mode |= (mode & 0600U) >> 3U;
        }
        if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0)
            throw errno_error("chmod " + path.string(), errno);
    }

    [[nodiscard]] fs::path write(const std::string& volume, const Files& files) const {
        const fs::path folder = memory_root() / volume;
        fs::create_directories(folder);
        own(folder, 0755);
        for (const auto& [name, file] : files) {
            const fs::path relative = fs::path(name).lexically_normal();
            if (relative.empty() || relative.is_absolute() || *relative.begin() == "..") {
                throw Error(ErrorKind::kInvalid,
                            "volume \"" + volume + "\": the path \"" + name + "\" leads out of it");
            }
            const fs::path path = folder / relative;
            fs::create_directories(path.parent_path());
            // Beside it and renamed: a container that restarts beside a running one never shows it half a
            // file.
            const fs::path temporary = path.string() + ".new";
            const UniqueFd out = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
            write_all(out.get(), file.bytes);
            own(temporary, file.mode);
            fs::rename(temporary, path);
        }
        return folder;
    }
};

class Preparer {
  public:
    Preparer(Cluster& cluster, const Value& pod, const VolumeRoots& roots)
        : cluster_(cluster),
          pod_(pod),
          roots_(roots),
          group_(pod.get("spec", "securityContext", "fsGroup")) {}

    fs::path prepare(const Value& volume) {
        name_ = volume["name"].string_or("");
        if (volume.find("emptyDir") != nullptr) return empty_dir(volume["emptyDir"]);
        if (volume.find("persistentVolumeClaim") != nullptr) return claim(volume["persistentVolumeClaim"]);
        if (volume.find("hostPath") != nullptr) return host_path(volume["hostPath"]);
        const bool is_secret = volume.find("secret") != nullptr;
        Files files;
        if (is_secret) {
            const Value& source = volume["secret"];
            add_object(files, source, "secrets", source["secretName"].string_or(""), default_mode(source));
        } else if (volume.find("configMap") != nullptr) {
            const Value& source = volume["configMap"];
            add_object(files, source, "configmaps", source["name"].string_or(""), default_mode(source));
        } else if (volume.find("downwardAPI") != nullptr) {
            add_fields(files, volume["downwardAPI"], default_mode(volume["downwardAPI"]));
        } else if (volume.find("projected") != nullptr) {
            add_projection(files, volume["projected"]);
        } else {
            std::string type = "nothing";
            for (const Member& member : volume.map_or_empty()) {
                if (member.key != "name") type = member.key;
            }
            throw Error(
                ErrorKind::kUnsupported,
                "volume \"" + name_ + "\" is of type " + type + ", which the embedded cluster does not have",
                "it has emptyDir, secret, configMap, downwardAPI, projected, persistentVolumeClaim and "
                "hostPath");
        }
        return files_of_pod().write(name_, files);
    }

  private:
    static unsigned default_mode(const Value& source) {
        return static_cast<unsigned>(source["defaultMode"].int_or(0644));
    }
    [[nodiscard]] FilesOfPod files_of_pod() const { return {roots_, group_}; }

    fs::path empty_dir(const Value& source) const {
        const bool in_memory = source["medium"].string_or("") == "Memory";
        const fs::path folder = (in_memory ? files_of_pod().memory_root() : roots_.pod / "_volumes") / name_;
        if (fs::create_directories(folder)) files_of_pod().own(folder, group_.is_nil() ? 0777 : 02777);
        return folder;
    }

    fs::path host_path(const Value& source) const {
        const fs::path path = source["path"].string_or("");
        const std::string type = source["type"].string_or("");
        if (type == "DirectoryOrCreate") fs::create_directories(path);
        if (type == "FileOrCreate" && !fs::exists(path)) write_file_durably(path, "");
        if (!fs::exists(path)) not_mounted(name_, "hostPath " + path.string() + " does not exist");
        return path;
    }

    fs::path claim(const Value& source) const {
        const std::string claim_name = source["claimName"].string_or("");
        const auto claim = find(types::kPersistentVolumeClaims, claim_name);
        if (!claim) throw NotReady{"Unschedulable", "persistentvolumeclaim \"" + claim_name + "\" not found"};
        if (!claim->get("metadata", "deletionTimestamp").is_nil()) {
            throw NotReady{"Unschedulable", "persistentvolumeclaim \"" + claim_name + "\" is being deleted"};
        }
        const fs::path folder = roots_.claims / namespace_of(pod_) / uid_of(*claim);
        if (claim->get("status", "phase").string_or("") != "Bound" || !fs::is_directory(folder)) {
            throw NotReady{"Unschedulable", "persistentvolumeclaim \"" + claim_name + "\" is not bound yet"};
        }
        give_to_group(folder);
        return folder;
    }

    // As fsGroupChangePolicy OnRootMismatch: a folder whose root is right is not walked, so restored copies
    // and PGDATA keep the modes that their program insists on.
    void give_to_group(const fs::path& folder) const {
        struct stat status{};
        if (group_.is_nil() || ::geteuid() != 0 || ::stat(folder.c_str(), &status) != 0) return;
        const auto gid = static_cast<gid_t>(group_.as_int());
        if (status.st_gid == gid && (status.st_mode & 02070U) == 02070U) return;
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
            if (::lchown(entry.path().c_str(), static_cast<uid_t>(-1), gid) != 0 || entry.is_symlink())
                continue;
            fs::permissions(
                entry.path(),
                entry.is_directory() ? fs::perms::group_all : fs::perms::group_read | fs::perms::group_write,
                fs::perm_options::add);
        }
        if (::chown(folder.c_str(), static_cast<uid_t>(-1), gid) != 0 ||
            ::chmod(folder.c_str(), 02775) != 0) {
            throw errno_error("chown " + folder.string(), errno);
        }
    }

    std::optional<Value> find(const ResourceType& type, const std::string& object) const {
        try {
            return cluster_.get({type, namespace_of(pod_), object});
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) return std::nullopt;
            throw;
        }
    }

    void add_object(Files& files, const Value& source, std::string_view kind, const std::string& object,
                    unsigned mode) const {
        const bool is_secret = kind == "secrets";
        const bool is_optional = source["optional"].bool_or(false);
        const auto found = find(is_secret ? types::kSecrets : types::kConfigMaps, object);
        if (!found) {
            if (is_optional) return;
            not_mounted(name_, (is_secret ? "secret \"" : "configmap \"") + object + "\" not found");
        }
        const auto data = is_secret ? secret_data(*found) : config_map_data(*found);
        if (source["items"].is_nil()) {
            for (const auto& [key, bytes] : data) files[key] = {bytes, mode};
            return;
        }
        for (const Value& item : source["items"].list_or_empty()) {
            const std::string key = item["key"].string_or("");
            const auto bytes = data.find(key);
            if (bytes != data.end()) {
                files[item["path"].string_or(key)] = {bytes->second,
                                                      static_cast<unsigned>(item["mode"].int_or(mode))};
            } else if (!is_optional) {
                not_mounted(name_, "references non-existent " + std::string(is_secret ? "secret" : "config") +
                                       " key: " + key);
            }
        }
    }

    void add_fields(Files& files, const Value& source, unsigned mode) const {
        for (const Value& item : source["items"].list_or_empty()) {
            files[item["path"].string_or("")] = {
                field_of(pod_, item.get("fieldRef", "fieldPath").string_or("")),
                static_cast<unsigned>(item["mode"].int_or(mode))};
        }
    }

    void add_projection(Files& files, const Value& projected) const {
        const unsigned mode = default_mode(projected);
        for (const Value& source : projected["sources"].list_or_empty()) {
            if (const Value* secret = source.find("secret")) {
                add_object(files, *secret, "secrets", (*secret)["name"].string_or(""), mode);
            } else if (const Value* config_map = source.find("configMap")) {
                add_object(files, *config_map, "configmaps", (*config_map)["name"].string_or(""), mode);
            } else if (const Value* fields = source.find("downwardAPI")) {
                add_fields(files, *fields, mode);
            } else {
                throw Error(ErrorKind::kUnsupported, "projected volume \"" + name_ +
                                                         "\" has a source that is not secret, "
                                                         "configMap or downwardAPI");
            }
        }
    }

    Cluster& cluster_;
    const Value& pod_;
    const VolumeRoots& roots_;
    const Value& group_;
    std::string name_;
};

// The Pod's own folders, closed to others.
void make_roots(const VolumeRoots& roots) {
    for (const fs::path& root : {roots.pod, roots.memory}) {
        if (root.empty()) continue;
        fs::create_directories(root);
        fs::permissions(root, fs::perms::owner_all);
    }
}

}  // namespace

std::map<std::string, fs::path> prepare_volumes(Cluster& cluster, const Value& pod,
                                                const VolumeRoots& roots) {
    std::map<std::string, fs::path> folders;
    const List& volumes = pod.get("spec", "volumes").list_or_empty();
    if (!volumes.empty()) make_roots(roots);
    for (const Value& volume : volumes) {
        folders[volume["name"].string_or("")] = Preparer(cluster, pod, roots).prepare(volume);
    }
    return folders;
}

fs::path prepare_api_access(const Value& pod, const ApiAccess& access, const VolumeRoots& roots) {
    make_roots(roots);
    Files files;
    for (auto& [name, bytes] : access.files(namespace_of(pod))) files[name] = {bytes, 0644};
    const Value& group = pod.get("spec", "securityContext", "fsGroup");
    return FilesOfPod{roots, group}.write("_api-access", files);  // no volume's name begins with a line
}

void remove_volumes(const VolumeRoots& roots) {
    if (!roots.memory.empty()) fs::remove_all(roots.memory);
    fs::remove_all(roots.pod);
}

}  // namespace fencepost::cluster::local
