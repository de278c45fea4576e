// Go's text/template with sprig 2.22's text functions, as Kanister renders blueprints. A Template is parsed
// once, immutable, and shared by threads; each render has its own state and budget.
//
//     auto t = Template::parse("config", "{{ .Options.db | upper }}", FunctionSet::kKanister);
//     std::string text = t->render(params, {});
//
// Errors: Error{kInvalid} whose message is Go's own text:
//     template: config:1:9: executing "config" at <.y>: map has no entry for key "y"
// Over a budget: Error{kExhausted}. Pure but for the functions that are not (now, uuidv4, random, genCA).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost::tmpl {

enum class MissingKey { kDefault, kError, kZero };
enum class FunctionSet { kBuiltins, kKanister };

struct RenderOptions {
    MissingKey missing_key = MissingKey::kError;
    std::size_t max_steps = 1'000'000;
    std::size_t max_output_bytes = std::size_t{16} << 20U;
    std::size_t max_kept_bytes = std::size_t{128} << 20U;  // of values in flight
    std::size_t max_depth = 1'000;  // of {{template}} calls, or less where the stack is small; Go: 100,000
    std::chrono::milliseconds max_time{5'000};
};

class Template {
  public:
    [[nodiscard]] static std::shared_ptr<const Template> parse(std::string_view name, std::string_view text,
                                                               FunctionSet functions);
    virtual ~Template() = default;
    [[nodiscard]] virtual std::string render(const Value& data, const RenderOptions& options = {}) const = 0;
    // What was written before a failure is kept in `output`.
    virtual void render_to(std::string& output, const Value& data, const RenderOptions& options) const = 0;
    [[nodiscard]] virtual std::string to_text()
        const = 0;  // the parse tree printed back, as Go's Tree.Root.String()
};

// Parsed templates by text, shared by threads, bounded (least recently used go first).
class TemplateCache {
  public:
    explicit TemplateCache(std::size_t max_entries = 4'096);
    ~TemplateCache();
    TemplateCache(const TemplateCache&) = delete;
    TemplateCache& operator=(const TemplateCache&) = delete;
    [[nodiscard]] std::shared_ptr<const Template> get(std::string_view name, std::string_view text,
                                                      FunctionSet functions);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::tmpl
