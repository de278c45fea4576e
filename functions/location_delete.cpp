#include "base/error.h"
#include "functions/functions.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class LocationDelete final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    // Kanister removes every object whose key starts with the artifact's text, siblings included, and
    // everything where it is empty. Here it is the object of that key and what lies below it as a folder.
    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const location::ResolvedProfile* profile = run.profile();
        if (profile == nullptr)
            throw Error(ErrorKind::kInvalid, "Profile must be non-nil", "name a profile in the action");
        std::string artifact = run::string_arg(args, "artifact");
        if (const std::string bucket = profile->bucket + "/";
            !profile->bucket.empty() && artifact.starts_with(bucket)) {
            artifact.erase(0, bucket.size());
        }
        while (!artifact.empty() && artifact.back() == '/') artifact.pop_back();
        if (artifact.empty()) {
            throw Error(ErrorKind::kInvalid, "argument 'artifact' is empty",
                        "an empty artifact would delete everything under the profile's prefix");
        }
        const auto location = location::open_location(*profile, run.world().http, run.world().clock);
        for (const std::string& note : location::remove_with_below(*location, artifact, run.cancel()))
            run.feed_error_output(note + "\n");
        return {};
    }

  private:
    model::FunctionSpec spec_{.name = "LocationDelete",
                              .args = {{"artifact", model::ArgType::kString, true,
                                        "the artifact's path in the profile's location"}},
                              .outputs = {},
                              .description = "deletes an artifact from the profile's location"};
};

}  // namespace

const run::Function& location_delete() {
    static const LocationDelete function;
    return function;
}

}  // namespace fencepost::functions
