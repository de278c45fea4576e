#include "template/template.h"

#include <list>
#include <unordered_map>

#include "base/guarded.h"
#include "template/exec.h"
#include "template/parse.h"
#include "value/format.h"

namespace fencepost::tmpl {

namespace {

class ParsedTemplate final : public Template {
  public:
    ParsedTemplate(std::string_view name, std::string_view text, FunctionSet functions)
        : name_(name), text_(text), trees_(parse_trees(name_, text_, functions)) {}

    [[nodiscard]] std::string render(const Value& data, const RenderOptions& options) const override {
        std::string output;
        render_to(output, data, options);
        return output;
    }
    void render_to(std::string& output, const Value& data, const RenderOptions& options) const override {
        Execution(name_, text_, trees_, options, output).run(data);
    }
    [[nodiscard]] std::string to_text() const override {
        const auto found = trees_.by_name.find(name_);
        return found == trees_.by_name.end() ? "" : found->second->text();
    }

  private:
    std::string name_;
    std::string text_;
    Trees trees_;
};

}  // namespace

std::shared_ptr<const Template> Template::parse(std::string_view name, std::string_view text,
                                                FunctionSet functions) {
    return std::make_shared<ParsedTemplate>(name, text, functions);
}

struct TemplateCache::Impl {
    struct Entry {
        std::string key;
        std::shared_ptr<const Template> parsed;
    };
    struct State {
        std::list<Entry> by_use;  // the most recently used first
        std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;
    };
    std::size_t max_entries;
    Guarded<State> state;
};

TemplateCache::TemplateCache(std::size_t max_entries) : impl_(std::make_unique<Impl>()) {
    impl_->max_entries = max_entries;
}
TemplateCache::~TemplateCache() = default;

std::shared_ptr<const Template> TemplateCache::get(std::string_view name, std::string_view text,
                                                   FunctionSet functions) {
    std::string key(name);
    key += functions == FunctionSet::kKanister ? '\1' : '\0';
    key += text;
    {
        auto state = impl_->state.lock();
        if (const auto found = state->by_key.find(key); found != state->by_key.end()) {
            state->by_use.splice(state->by_use.begin(), state->by_use, found->second);
            return found->second->parsed;
        }
    }
    // Parsed without the lock: two threads may do the same work once, none waits for another's.
    auto parsed = Template::parse(name, text, functions);
    auto state = impl_->state.lock();
    if (state->by_key.contains(key)) return parsed;
    state->by_use.push_front({std::move(key), parsed});
    state->by_key.emplace(state->by_use.front().key, state->by_use.begin());
    if (state->by_use.size() > impl_->max_entries) {
        state->by_key.erase(state->by_use.back().key);
        state->by_use.pop_back();
    }
    return parsed;
}

}  // namespace fencepost::tmpl
