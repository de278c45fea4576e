// Images that run in place of others: "blueprints that name Kanister's images run with ours". An entry is
// FROM=TO, both without a digest. FROM is a repository, or one with an asterisk at its end, which stands for
// whatever follows; with a tag it means that tag alone. TO has the tag that shall run; where it has none, the
// blueprint's is kept. The first entry that fits decides. Pure; thread-safe.
//
//     ImageMap::parse("ghcr.io/kanisterio/*=ghcr.io/fencepost/tools:0.1.0").of("ghcr.io/kanisterio/mysql-sidecar:0.119.0")
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fencepost::model {

class ImageMap {
  public:
    ImageMap() = default;
    // Entries between commas or spaces; "" is no entry. Throws kInvalid that names the entry.
    [[nodiscard]] static ImageMap parse(std::string_view text);

    [[nodiscard]] std::string text() const;  // as parse() takes it

    // What runs for this reference: itself where no entry fits. A digest names bytes, so such a reference
    // runs as TO says, or as it is.
    [[nodiscard]] std::string of(std::string_view reference) const;

  private:
    struct Entry {
        std::string from;
        std::string repository;  // before the asterisk
        bool is_prefix = false;
        std::string tag;  // "" is any
        std::string to;
    };
    std::vector<Entry> entries_;
};

}  // namespace fencepost::model
