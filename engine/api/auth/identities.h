// The token file: who may use the API, in which role, where. JSON, for its owner's eyes only (mode 0600, or
// it is not read). Of a token only a salted SHA-256 is kept: tokens are 256 random bits, which nobody guesses
// from a hash. An identity without one is a client certificate's: its name is the certificate's common name.
//
//     {"identities": [{"name": "platform", "grants": [{"namespace": "app1", "role": "operator"}],
//                      "salt": hex, "hash": hex, "createdAt": "2026-11-21T06:00:00Z"}]}
//
// Errors: kForbidden for a file that others may read, kInvalid for one that is not of this shape.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/auth/access.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/log.h"

namespace fencepost::api {

struct Identity {
    std::string name;
    std::vector<Grant> grants;
    std::string salt, hash;  // bytes; empty for a certificate's
    std::string created_at;
};

[[nodiscard]] std::vector<Identity> read_identities(const std::filesystem::path& file);  // none: no file
void write_identities(const std::filesystem::path& file, const std::vector<Identity>& identities);
// Reads, lets `change` work, writes; whoever does the same at that moment waits, so that no change is lost.
void update_identities(const std::filesystem::path& file,
                       const std::function<void(std::vector<Identity>&)>& change);

[[nodiscard]] std::string make_token();
void set_token(Identity& identity, std::string_view token);
[[nodiscard]] bool has_token(const Identity& identity, std::string_view token);  // in constant time

// The file as a daemon uses it: a change is in force with the next request. A file that cannot be read lets
// nobody in. Thread-safe.
class Identities {
  public:
    // Throws what read_identities() throws, and kNotFound: a daemon that nobody can use should not start.
    Identities(std::filesystem::path file, Log& log);
    [[nodiscard]] std::optional<Access> with_token(std::string_view token);
    [[nodiscard]] std::optional<Access> with_certificate(std::string_view common_name);

  private:
    struct State {
        std::string version;  // of the file: its time, size and inode
        std::vector<Identity> identities;
    };
    [[nodiscard]] std::vector<Identity> current();
    const std::filesystem::path file_;
    Log& log_;
    Guarded<State> state_;
};

}  // namespace fencepost::api
