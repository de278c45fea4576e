#include "location/check.h"

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::location {
namespace {

class Checks {
  public:
    Checks(Location& location, const CancelToken& cancel) : location_(location), cancel_(cancel) {}

    std::vector<Check> run() {
        step("write", [&] { location_.put_bytes(key_, bytes_, {.is_short_lived = true}, cancel_); });
        if (!checks_.front().is_ok) {
            for (const char* name : {"read", "list", "lock", "delete"})
                checks_.push_back({name, false, "not tried: nothing could be written"});
            return std::move(checks_);
        }
        step("read", [&] {
            expect(location_.get_bytes(key_, cancel_) == bytes_, "what was read is not what was written");
            expect(location_.get_bytes(key_, cancel_, 8, 8) == bytes_.substr(8, 8),
                   "a part that was read is not that part");
        });
        step("list", [&] {
            bool is_found = false;
            location_.list(
                key_, [&](const ObjectStat& found) { is_found = is_found || found.key == key_; }, cancel_);
            expect(is_found, "what was written is not in the list");
        });
        step("lock", [&] { write_twice(); });
        step("delete", [&] {
            location_.remove(key_, cancel_);
            expect(!location_.stat(key_, cancel_), "what was removed is still there");
        });
        bool is_wanted = true;
        step("protect", [&] { is_wanted = location_.check_protection(cancel_); });
        if (!is_wanted) checks_.pop_back();
        return std::move(checks_);
    }

  private:
    template <typename Work>
    void step(const char* name, Work work) {
        try {
            work();
            checks_.push_back({name, true, ""});
        } catch (const Error& error) {
            checks_.push_back({name, false, error.what()});
        }
    }
    static void expect(bool is_so, const char* otherwise) {
        if (!is_so) throw Error(ErrorKind::kDataLoss, otherwise);
    }
    void write_twice() {
        try {
            location_.put_bytes(key_, bytes_, {.only_if_absent = true, .is_short_lived = true}, cancel_);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kAlreadyExists) throw;
            return;
        }
        throw Error(ErrorKind::kUnsupported,
                    "an object that is there was written over, against the condition");
    }

    Location& location_;
    const CancelToken& cancel_;
    const std::string key_ = "fencepost-check/" + hex_encode(random_bytes(8));
    const std::string bytes_ = random_bytes(64);
    std::vector<Check> checks_;
};

}  // namespace

std::vector<Check> check_location(Location& location, const CancelToken& cancel) {
    return Checks(location, cancel).run();
}

}  // namespace fencepost::location
