// A tar stream as PostgreSQL writes one (ustar: files, folders, symbolic links), read as it comes: feed() it
// pieces of any size. Errors: kDataLoss for what is no tar or is cut off, kUnsupported for kinds of entries
// that PostgreSQL does not write. Used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fencepost::archive {

struct TarEntry {
    enum class Kind { kFile, kFolder, kLink };
    Kind kind = Kind::kFile;
    std::string name;  // as it stands there, without "./" in front and '/' behind
    std::uint64_t bytes = 0;
    unsigned mode = 0;
};

class TarVisitor {
  public:
    virtual ~TarVisitor() = default;
    virtual void begin(const TarEntry& entry) = 0;
    virtual void data(std::string_view bytes) = 0;  // of a file: bytes in all
    virtual void end() = 0;
};

class TarReader {
  public:
    explicit TarReader(TarVisitor& visitor) : visitor_(visitor) {}
    void feed(std::string_view bytes);
    void finish() const;  // at the end of the stream

  private:
    void header();

    TarVisitor& visitor_;
    std::string block_;  // the header that is being gathered
    std::uint64_t data_left_ = 0, padding_left_ = 0;
    bool is_in_file_ = false, is_at_end_ = false;
};

}  // namespace fencepost::archive
