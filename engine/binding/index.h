// Index: many bindings, found by what an object has instead of one by one. A binding is filed under one of
// its requirements that only an object with a certain label, annotation, namespace or type can meet; an
// object is looked up by what it has and then matched with the few bindings that are filed there. It holds
// nothing for an object, whatever their number: a decision is quick enough to be made when it is asked for.
// Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "binding/resolve.h"

namespace fencepost::binding {

class Index {
  public:
    // Of the usable ones among `candidates`, in the order of precedence; borrowed.
    explicit Index(const std::vector<Candidate>& candidates);
    // Those that match, in the order of precedence.
    [[nodiscard]] std::vector<const Candidate*> matching(const Subject& subject) const;

  private:
    using Positions = std::vector<std::uint32_t>;
    bool file(std::uint32_t position, const model::Requirement& requirement);
    void find(const std::string& key, Positions& found) const;

    const std::vector<Candidate>& candidates_;
    std::unordered_map<std::string, Positions> filed_;
    Positions others_;  // an object of any kind may meet them
};

// As choose() over all of them.
[[nodiscard]] std::optional<Resolution> choose(const Index& index, const Subject& subject,
                                               std::string_view controller_namespace);

}  // namespace fencepost::binding
