#include "location/restic/tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/encodings.h"
#include "base/error.h"
#include "base/utf8.h"
#include "template/number.h"
#include "value/format.h"
#include "value/json.h"

namespace fencepost::location::restic {
namespace {

// Go's os.FileMode.
struct ModeBit {
    std::uint32_t go;
    std::uint32_t posix;
};
constexpr std::array<ModeBit, 3> kModeBits = {{{std::uint32_t{1} << 23U, S_ISUID},
                                               {std::uint32_t{1} << 22U, S_ISGID},
                                               {std::uint32_t{1} << 20U, S_ISVTX}}};
struct TypeBits {
    std::string_view type;
    std::uint32_t go;
};
constexpr std::array<TypeBits, 6> kTypeBits = {
    {{"dir", std::uint32_t{1} << 31U},
     {"symlink", std::uint32_t{1} << 27U},
     {"dev", std::uint32_t{1} << 26U},
     {"chardev", (std::uint32_t{1} << 26U) | (std::uint32_t{1} << 21U)},
     {"fifo", std::uint32_t{1} << 25U},
     {"socket", std::uint32_t{1} << 24U}}};

std::uint32_t go_mode(const Node& node) {
    std::uint32_t mode = node.permissions & 0777U;
    for (const ModeBit& bit : kModeBits) mode |= (node.permissions & bit.posix) != 0 ? bit.go : 0;
    for (const TypeBits& bits : kTypeBits) mode |= bits.type == node.type ? bits.go : 0;
    return mode;
}

std::uint32_t posix_permissions(std::uint64_t mode) {
    auto permissions = static_cast<std::uint32_t>(mode & 0777U);
    for (const ModeBit& bit : kModeBits) permissions |= (mode & bit.go) != 0 ? bit.posix : 0;
    return permissions;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const Rune rune = decode_rune(text, at);
        if (!rune.is_valid()) return false;
        at += rune.length;
    }
    return true;
}

std::uint64_t whole(const Value& node, std::string_view member) {
    const Value& value = node[member];
    if (value.is_nil()) return 0;
    if (value.kind() == Kind::kUint) return value.as_uint();
    const std::int64_t number = value.as_int();
    if (number < 0) throw Error(ErrorKind::kInvalid, "a negative number");
    return static_cast<std::uint64_t>(number);
}

// What is no time that we have reads as 1970: Go's zero time is the year 1.
SystemTime time_of(const Value& value) {
    try {
        return parse_rfc3339(value.string_or(""));
    } catch (const Error&) {
        return {};
    }
}

std::string name_of(const Value& node) {
    const std::string name = tmpl::unquote('"' + node["name"].as_string() + '"');
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
        throw Error(ErrorKind::kInvalid, "a node is called '" + name + "'");
    }
    return name;
}

Node read_node(const Value& value) {
    Node node;
    node.name = name_of(value);
    node.type = value["type"].as_string();
    node.size = whole(value, "size");
    for (const Value& id : value["content"].list_or_empty()) node.content.push_back(parse_id(id.as_string()));
    if (node.type == "dir") node.subtree = parse_id(value["subtree"].as_string());
    node.time = time_of(value["mtime"]);
    node.changed = time_of(value["ctime"]);
    node.permissions = posix_permissions(whole(value, "mode"));
    node.uid = static_cast<std::uint32_t>(whole(value, "uid"));
    node.gid = static_cast<std::uint32_t>(whole(value, "gid"));
    node.inode = whole(value, "inode");
    node.device_id = whole(value, "device_id");
    node.links = whole(value, "links");
    node.device = whole(value, "device");
    const Value& raw = value["linktarget_raw"];
    node.link_target = raw.is_string() ? base64_decode(raw.as_string()) : value["linktarget"].string_or("");
    for (const Value& attribute : value["extended_attributes"].list_or_empty()) {
        node.attributes.emplace_back(attribute["name"].as_string(),
                                     base64_decode(attribute["value"].string_or("")));
    }
    return node;
}

Value written(const Node& node) {
    const std::string quoted = go_quote(node.name);
    const std::string time = format_rfc3339_nano(node.time);
    Map entry{{"name", quoted.substr(1, quoted.size() - 2)},
              {"type", node.type},
              {"mode", std::int64_t{go_mode(node)}},
              {"mtime", time},
              {"atime", time},
              {"ctime", format_rfc3339_nano(node.changed)},
              {"uid", std::int64_t{node.uid}},
              {"gid", std::int64_t{node.gid}},
              {"content", nullptr}};
    if (node.inode != 0) entry.set("inode", Value(node.inode));
    if (node.device_id != 0) entry.set("device_id", Value(node.device_id));
    if (node.links != 0) entry.set("links", Value(node.links));
    if (node.device != 0) entry.set("device", Value(node.device));
    if (node.subtree) entry.set("subtree", to_hex(*node.subtree));
    if (node.type == "file") {
        List content;
        for (const Digest& id : node.content) content.emplace_back(to_hex(id));
        entry.set("content", std::move(content));
        entry.set("size", Value(node.size));
    }
    if (node.type == "symlink") {
        entry.set("linktarget", node.link_target);
        if (!is_utf8(node.link_target)) entry.set("linktarget_raw", base64_encode(node.link_target));
    }
    List attributes;
    for (const auto& [name, value] : node.attributes)
        attributes.emplace_back(Map{{"name", name}, {"value", base64_encode(value)}});
    if (!attributes.empty()) entry.set("extended_attributes", std::move(attributes));
    return entry;
}

}  // namespace

std::vector<Node> parse_tree(std::string_view json) {
    try {
        std::vector<Node> nodes;
        const Value tree = parse_json(json);
        for (const Value& node : tree["nodes"].as_list()) nodes.push_back(read_node(node));
        return nodes;
    } catch (const Error& error) {
        throw Error(ErrorKind::kDataLoss, std::string("the tree cannot be read: ") + error.what());
    }
}

std::string encode_tree(std::vector<Node> nodes) {
    std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.name < b.name; });
    List all;
    for (const Node& node : nodes) all.push_back(written(node));
    return to_json(Map{{"nodes", std::move(all)}}) + "\n";
}

}  // namespace fencepost::location::restic
