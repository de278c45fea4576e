// Puts blobs into the repository, each once: hashes, looks up, compresses, seals, hands over to the packs.
// Thread-safe, but each thread has Tools of its own. What is borrowed must outlive it.
#pragma once

#include <string_view>
#include <unordered_set>

#include "base/guarded.h"
#include "location/restic/blob.h"
#include "location/restic/buffer.h"
#include "location/restic/chunker.h"
#include "location/restic/compress.h"
#include "location/restic/crypto.h"
#include "location/restic/index.h"
#include "location/restic/pack_writer.h"

namespace fencepost::location::restic {

class BlobStore {
  public:
    class Tools {
      public:
        explicit Tools(const MasterKey& key);

      private:
        friend class BlobStore;
        Cipher cipher_;
        Compressor compressor_;
        Buffer sealed_;
    };
    struct Stored {
        Digest id{};
        bool is_new = false;
    };

    BlobStore(const Index& index, const MasterKey& key, PackWriter& writer)
        : index_(index), key_(key), writer_(writer) {}

    Stored put(BlobType type, std::string_view plain, Tools& tools);
    [[nodiscard]] const MasterKey& key() const noexcept { return key_; }
    [[nodiscard]] bool has(BlobType type, const Digest& id) const {
        return index_.find(type, id).has_value();
    }

  private:
    const Index& index_;
    const MasterKey& key_;
    PackWriter& writer_;
    Guarded<std::unordered_set<Digest, DigestHash>> taken_;  // stored through this, or being stored
};

}  // namespace fencepost::location::restic
