#include "location/restic/folder_backup.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/error.h"
#include "location/restic/chunk_pipeline.h"
#include "location/restic/inode.h"

namespace fencepost::location::restic {
namespace {

std::vector<std::string> names_in(int folder, const std::string& path) {
    UniqueFd copy(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy.is_open()) throw errno_error("cannot read the folder " + path, errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
    if (!stream) throw errno_error("cannot read the folder " + path, errno);
    (void)copy.release();  // the stream has it
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(stream.get());
        if (entry == nullptr) break;
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) throw errno_error("cannot read the folder " + path, errno);
    std::sort(names.begin(), names.end());
    return names;
}

const Node* find(const std::vector<Node>& nodes, const std::string& name, const std::string& type) {
    const auto found =
        std::lower_bound(nodes.begin(), nodes.end(), name,
                         [](const Node& node, const std::string& to) { return node.name < to; });
    return found != nodes.end() && found->name == name && found->type == type ? &*found : nullptr;
}

}  // namespace

FolderBackup::FolderBackup(BlobStore& store, const Chunker& chunker, LoadTree load_previous,
                           std::function<void(std::uint64_t bytes)> on_progress, const CancelToken& cancel)
    : store_(store),
      chunker_(chunker),
      load_previous_(std::move(load_previous)),
      on_progress_(std::move(on_progress)),
      cancel_(cancel),
      tools_(store.key()),
      small_(Chunker::kMinBytes) {}

Digest FolderBackup::store(const std::filesystem::path& path, const std::optional<Digest>& previous_root) {
    const std::vector<std::string> parts(std::next(path.begin()), path.end());
    UniqueFd folder = open_file("/", O_RDONLY | O_DIRECTORY);
    if (parts.empty()) return store_folder(folder.get(), "/", previous_root, 0);
    // Down to the path, then up again, each folder of the way with its one entry.
    std::vector<Node> way;
    std::optional<Digest> previous = previous_root;
    std::string above;
    for (std::size_t depth = 0; depth + 1 < parts.size(); ++depth) {
        const std::string& name = parts[depth];
        // The way itself may lead through links, as the kernel would go it; the node is what it leads to.
        UniqueFd next(::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        above += "/" + name;
        if (!next.is_open()) throw errno_error("cannot open the folder " + above, errno);
        auto node = read_inode(next.get(), ".", above);
        if (!node) throw Error(ErrorKind::kNotFound, "there is no folder " + above);
        node->name = name;
        const Previous before = previous_of(previous);
        const Node* was = find(before, name, "dir");
        previous = was != nullptr ? was->subtree : std::nullopt;
        way.push_back(std::move(*node));
        folder = std::move(next);
    }
    auto node = store_entry(folder.get(), parts.back(), path.string(), previous_of(previous), parts.size());
    if (!node) throw Error(ErrorKind::kNotFound, "there is no file or folder " + path.string());
    while (!way.empty()) {
        Node parent = std::move(way.back());
        way.pop_back();
        parent.subtree = store_tree({std::move(*node)});
        node = std::move(parent);
    }
    return store_tree({std::move(*node)});
}

FolderBackup::Previous FolderBackup::previous_of(const std::optional<Digest>& tree) const {
    return tree && load_previous_ ? load_previous_(*tree) : Previous{};
}

std::optional<Node> FolderBackup::store_entry(int folder, const std::string& name, const std::string& path,
                                              const Previous& previous, std::size_t depth) {
    cancel_.throw_if_cancelled();
    auto node = read_inode(folder, name, path);
    if (!node) return std::nullopt;
    const bool is_file = node->type == "file";
    if (!is_file && node->type != "dir") {
        ++content_.others;
        return node;
    }
    const Node* before = find(previous, name, node->type);
    // Should it have become a pipe meanwhile, opening must not wait for a writer.
    const UniqueFd fd = open_entry(folder, name, O_RDONLY | (is_file ? O_NONBLOCK : O_DIRECTORY), path);
    if (!fd.is_open()) return std::nullopt;
    if (is_file) {
        store_file(*node, fd.get(), before);
        ++content_.files;
        content_.bytes += node->size;
    } else {
        node->subtree =
            store_folder(fd.get(), path, before != nullptr ? before->subtree : std::nullopt, depth + 1);
    }
    return node;
}

Digest FolderBackup::store_folder(int folder, const std::string& path, const std::optional<Digest>& previous,
                                  std::size_t depth) {
    if (depth > kMaxFolderDepth)
        throw Error(ErrorKind::kTooLarge, "the folder " + path + " is nested too deep");
    const Previous before = previous_of(previous);
    std::vector<Node> nodes;
    for (const std::string& name : names_in(folder, path)) {
        auto node = store_entry(folder, name, (path == "/" ? "" : path) + "/" + name, before, depth);
        if (node) nodes.push_back(std::move(*node));
    }
    ++content_.folders;
    return store_tree(std::move(nodes));
}

void FolderBackup::store_file(Node& node, int fd, const Node* before) {
    const auto tell = [this](std::uint64_t more) {
        if (on_progress_) on_progress_(content_.bytes + more);
    };
    if (before != nullptr && before->time == node.time && before->changed == node.changed &&
        before->size == node.size && before->inode == node.inode && before->inode != 0 &&
        std::all_of(before->content.begin(), before->content.end(),
                    [this](const Digest& id) { return store_.has(BlobType::kData, id); })) {
        node.content = before->content;
        ++content_.unchanged_files;
        return tell(node.size);
    }
    // What is shorter than any chunk is one chunk, and needs no threads.
    std::size_t size = 0;
    for (;;) {
        const std::size_t piece = read_some(fd, small_.data() + size, Chunker::kMinBytes - size);
        size += piece;
        if (piece == 0 || size == Chunker::kMinBytes) break;
    }
    if (size < Chunker::kMinBytes) {
        if (size > 0) node.content = {store_.put(BlobType::kData, {small_.data(), size}, tools_).id};
        node.size = size;
        return tell(size);
    }
    std::size_t given = 0;
    StreamContent content = store_stream(
        [&](char* buffer, std::size_t room) {
            if (given == size) return read_some(fd, buffer, room);
            const std::size_t piece = std::min(room, size - given);
            std::copy_n(small_.data() + given, piece, buffer);
            given += piece;
            return piece;
        },
        chunker_, store_, tell, cancel_);
    node.content = std::move(content.chunks);
    node.size = content.bytes;
}

Digest FolderBackup::store_tree(std::vector<Node> nodes) {
    return store_.put(BlobType::kTree, encode_tree(std::move(nodes)), tools_).id;
}

}  // namespace fencepost::location::restic
