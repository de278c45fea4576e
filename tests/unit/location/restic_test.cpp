// The parts of the restic format, one by one.
#include <catch2/catch.hpp>

#include <random>

#include "base/encodings.h"
#include "base/error.h"
#include "location/restic/blob.h"
#include "location/restic/chunker.h"
#include "location/restic/compress.h"
#include "location/restic/crypto.h"
#include "location/restic/documents.h"
#include "location/restic/tree.h"
#include "location/restic/files.h"
#include "location/restic/index.h"
#include "location/restic/pack.h"

using namespace fencepost;
using namespace fencepost::location;
using namespace fencepost::location::restic;

namespace {

constexpr Polynomial kPolynomial = 0x3DA3358B4DC173;

std::string noise(std::size_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
}

// Straight from the definition, one window at a time: what the four lanes must agree with.
std::uint64_t digest_of(const unsigned char* window) {
    std::uint64_t digest = 0;
    for (int i = 0; i < 64; ++i) {
        digest = digest << 8U | window[i];
        for (unsigned bit = 61; bit >= 53; --bit) {
            if ((digest >> bit & 1U) != 0) digest ^= kPolynomial << (bit - 53);
        }
    }
    return digest;
}

std::vector<std::size_t> slow_cuts(const std::string& bytes) {
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    std::vector<std::size_t> found;
    std::size_t start = 0;
    std::uint64_t digest = 0;
    for (std::size_t end = Chunker::kMinBytes; end <= bytes.size(); ++end) {
        const std::size_t size = end - start;
        if (size < Chunker::kMinBytes) continue;
        // A window that is the one before needs no second look.
        if (size == Chunker::kMinBytes || std::memcmp(data + end - 64, data + end - 65, 64) != 0) {
            digest = digest_of(data + end - 64);
        }
        if ((digest & Chunker::kSplitMask) == 0 || size == Chunker::kMaxBytes) {
            found.push_back(end);
            start = end;
        }
    }
    return found;
}

std::vector<std::size_t> cuts(const std::string& bytes, std::size_t step) {
    const Chunker chunker(kPolynomial);
    std::vector<std::size_t> found;
    std::size_t start = 0;
    std::size_t seen = 0;
    std::size_t size = 0;
    while (start + size <= bytes.size()) {
        const std::size_t end = chunker.find_end(bytes.data() + start, size, seen);
        if (end != 0) {
            start += end;
            found.push_back(start);
            size -= end;
            seen = 0;
            continue;
        }
        if (start + size == bytes.size()) break;
        seen = size;
        size = std::min(size + step, bytes.size() - start);
    }
    return found;
}

template <typename Work>
ErrorKind kind_of(Work work) {
    try {
        work();
    } catch (const Error& error) {
        return error.kind();
    }
    FAIL("nothing was thrown");
    return ErrorKind::kInternal;
}

}  // namespace

TEST_CASE("irreducible polynomials are told from others") {
    CHECK(is_irreducible(kPolynomial));
    CHECK(is_irreducible(0x25b468838dcb75));
    CHECK(is_irreducible(0b111));
    CHECK(is_irreducible(0b1011));
    CHECK_FALSE(is_irreducible(0b101));   // (x + 1)^2
    CHECK_FALSE(is_irreducible(0b1111));  // (x + 1)(x^2 + 1)
    CHECK_FALSE(is_irreducible(0));
    CHECK_FALSE(is_irreducible(1));
    CHECK_FALSE(is_irreducible(kPolynomial ^ 2));
    const Polynomial made = random_polynomial();
    CHECK(is_irreducible(made));
    CHECK(made >> 53U == 1);
}

TEST_CASE("chunks end where the definition says, however the bytes come") {
    const std::string bytes = noise(3 << 20U, 23) + std::string(9 << 20U, 'a');
    const auto expected = slow_cuts(bytes);
    REQUIRE(expected.size() >= 2);
    for (const std::size_t step :
         {std::size_t{1} << 16U, std::size_t{100'003}, std::size_t{3} << 20U, bytes.size()}) {
        CAPTURE(step);
        CHECK(cuts(bytes, step) == expected);
    }
}

TEST_CASE("sealing is restic's: AES-256-CTR and Poly1305-AES") {
    // Poly1305-AES of its author's paper, appendix B: r, k, nonce, message, tag. An all-zero AES-256 key
    // stream is of no matter here: the MAC is over the ciphertext, which is built from the known message by
    // opening it.
    MasterKey key;
    const std::string mac_r = hex_decode("851fc40c3467ac0be05cc20404f3f700");
    const std::string mac_k = hex_decode("ec074c835580741701425b623235add6");
    std::memcpy(key.mac_r.data(), mac_r.data(), 16);
    std::memcpy(key.mac_k.data(), mac_k.data(), 16);
    Cipher cipher(key);
    const std::string sealed = hex_decode("fb447350c4e868c52ac3275cf9d4327e") + hex_decode("f3f6") +
                               hex_decode("f4c633c3044fc145f84f335cb81953de");
    const std::string plain = cipher.open(sealed);
    CHECK(plain.size() == 2);
    std::string wrong = sealed;
    wrong.back() = static_cast<char>(wrong.back() ^ 1);
    CHECK(kind_of([&] { static_cast<void>(cipher.open(wrong)); }) == ErrorKind::kDataLoss);
    CHECK(kind_of([&] { static_cast<void>(cipher.open("short")); }) == ErrorKind::kDataLoss);

    // NIST SP 800-38A F.5.5, AES-256-CTR.
    const std::string aes = hex_decode("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    std::memcpy(key.encrypt.data(), aes.data(), 32);
    Cipher counter(key);
    for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 15, 16, 17, 100'000}) {
        const std::string text = noise(size, 1);
        const std::string one = counter.seal(text);
        CHECK(one.size() == size + kSealBytes);
        CHECK(counter.open(one) == text);
        CHECK(counter.seal(text) != one);  // another IV
    }
    std::string in_place(100 + kSealBytes, 'p');
    counter.seal({in_place.data() + kIvBytes, 100}, in_place.data());
    CHECK(counter.open(in_place) == std::string(100, 'p'));
}

TEST_CASE("scrypt is RFC 7914's, within limits") {
    const MasterKey key = derive_key(Secret("pleaseletmein"), "SodiumChloride", {.n = 16384, .r = 8, .p = 1});
    CHECK(hex_encode({reinterpret_cast<const char*>(key.encrypt.data()), 32}) ==
          "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
    CHECK(hex_encode({reinterpret_cast<const char*>(key.mac_k.data()), 16}) ==
          "d5432955613f0fcf62d49705242a9af9");
    CHECK(hex_encode({reinterpret_cast<const char*>(key.mac_r.data()), 16}) ==
          "e61e85dc0d651e40dfcf017b45575887");
    for (const ScryptCost bad :
         {ScryptCost{0, 8, 1}, ScryptCost{1000, 8, 1}, ScryptCost{1024, 0, 1}, ScryptCost{1024, 8, 0}}) {
        CHECK(kind_of([&] { static_cast<void>(derive_key(Secret("p"), "s", bad)); }) == ErrorKind::kInvalid);
    }
    CHECK(kind_of([] { static_cast<void>(derive_key(Secret("p"), "s", {std::uint64_t{1} << 30U, 8, 1})); }) ==
          ErrorKind::kTooLarge);
}

TEST_CASE("compression has its limits") {
    Compressor compressor;
    Decompressor decompressor;
    const std::string text(1 << 20U, 'z');
    const std::string small = compressor.compress(text);
    CHECK(small.size() < 1000);
    CHECK(decompressor.decompress_exactly(small, text.size()) == text);
    CHECK(decompressor.decompress_at_most(small, text.size()) == text);
    CHECK(decompressor.decompress_at_most(compressor.compress(""), 10).empty());
    CHECK(kind_of([&] { static_cast<void>(decompressor.decompress_exactly(small, text.size() - 1)); }) ==
          ErrorKind::kDataLoss);
    CHECK(kind_of([&] { static_cast<void>(decompressor.decompress_exactly(small, text.size() + 1)); }) ==
          ErrorKind::kDataLoss);
    CHECK(kind_of([&] { static_cast<void>(decompressor.decompress_at_most(small, text.size() - 1)); }) ==
          ErrorKind::kTooLarge);
    CHECK(kind_of([&] {
              static_cast<void>(decompressor.decompress_at_most(small.substr(0, 20), 1 << 20U));
          }) == ErrorKind::kDataLoss);
    CHECK(kind_of([&] { static_cast<void>(decompressor.decompress_at_most("rubbish", 100)); }) ==
          ErrorKind::kDataLoss);
    char tiny[8];
    CHECK(compressor.compress(noise(100, 1), tiny, sizeof tiny) == 0);
}

TEST_CASE("a pack's header comes back, and a broken one is refused") {
    const std::vector<Blob> blobs = {
        {.type = BlobType::kData, .id = sha256("a"), .offset = 0, .length = 38, .raw_length = 0},
        {.type = BlobType::kData, .id = sha256("b"), .offset = 38, .length = 112, .raw_length = 511},
        {.type = BlobType::kTree, .id = sha256("c"), .offset = 150, .length = 123, .raw_length = 234},
        {.type = BlobType::kTree, .id = sha256("d"), .offset = 273, .length = 33, .raw_length = 0}};
    const std::string plain = encode_header(blobs);
    CHECK(plain.size() == 37 + 41 + 41 + 37);
    CHECK(parse_header(plain) == blobs);
    CHECK(parse_header("").empty());
    for (std::size_t size = 1; size < plain.size(); ++size) {
        if (size == 37 || size == 78 || size == 119) continue;
        CHECK(kind_of([&] { static_cast<void>(parse_header(plain.substr(0, size))); }) ==
              ErrorKind::kDataLoss);
    }
    std::string type = plain;
    type[0] = 4;
    CHECK(kind_of([&] { static_cast<void>(parse_header(type)); }) == ErrorKind::kDataLoss);
    std::string length = plain;
    length[1] = 3;
    CHECK(kind_of([&] { static_cast<void>(parse_header(length)); }) == ErrorKind::kDataLoss);
    CHECK(encode_length(0x01020304) == "\x04\x03\x02\x01");
    CHECK(parse_length(encode_length(188), 1000) == 188);
    CHECK(kind_of([] { static_cast<void>(parse_length(encode_length(997), 1000)); }) == ErrorKind::kDataLoss);
    CHECK(kind_of([] { static_cast<void>(parse_length(encode_length(31), 1000)); }) == ErrorKind::kDataLoss);
    CHECK(kind_of([] { static_cast<void>(parse_length("abc", 1000)); }) == ErrorKind::kDataLoss);
}

TEST_CASE("an index comes back, whatever the order of its members") {
    const std::vector<PackBlobs> packs = {
        {.pack = sha256("p1"),
         .blobs =
             {{.type = BlobType::kData, .id = sha256("a"), .offset = 0, .length = 38, .raw_length = 0},
              {.type = BlobType::kData, .id = sha256("b"), .offset = 38, .length = 112, .raw_length = 511}}},
        {.pack = sha256("p2"),
         .blobs = {
             {.type = BlobType::kTree, .id = sha256("a"), .offset = 0, .length = 99, .raw_length = 7}}}};
    std::vector<PackBlobs> back;
    parse_index(encode_index(packs), [&](const PackBlobs& pack) { back.push_back(pack); });
    CHECK(back == packs);

    const std::string a = to_hex(sha256("a"));
    const std::string p = to_hex(sha256("p1"));
    back.clear();
    parse_index(
        "{\"supersedes\":[\"" + a +
            "\"],\"x\":{\"y\":[1,2.5e3,null,true,\"\\\"\"]}, \"packs\" : [ {\"blobs\":[{\"length\":38,"
            "\"offset\":0,\"type\":\"data\",\"new\":{},\"id\":\"" +
            a + "\"}],\"id\":\"" + p + "\"} ]\n}\n",
        [&](const PackBlobs& pack) { back.push_back(pack); });
    REQUIRE(back.size() == 1);
    CHECK(back[0].blobs[0].id == sha256("a"));
    parse_index("{\"packs\":null}", [](const PackBlobs&) { FAIL("there is no pack"); });

    const auto pack = [&](const std::string& blob) {
        return "{\"packs\":[{\"id\":\"" + p + "\",\"blobs\":[" + blob + "]}]}";
    };
    const std::string good = "{\"id\":\"" + a + "\",\"type\":\"data\",\"offset\":0,\"length\":38}";
    parse_index(pack(good), [](const PackBlobs&) {});
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += "[";
    for (const std::string& bad :
         {std::string(""), std::string("[]"), std::string("{\"packs\":[{}]}"), pack(good) + "x", pack("{}"),
          pack(good + ","), pack("{\"id\":\"zz\",\"type\":\"data\",\"offset\":0,\"length\":38}"),
          pack("{\"id\":\"" + a + "\",\"type\":\"other\",\"offset\":0,\"length\":38}"),
          pack("{\"id\":\"" + a + "\",\"type\":\"data\",\"offset\":-1,\"length\":38}"),
          pack("{\"id\":\"" + a + "\",\"type\":\"data\",\"offset\":0,\"length\":3}"),
          pack("{\"id\":\"" + a + "\",\"type\":\"data\",\"offset\":4294967296,\"length\":38}"),
          pack("{\"id\":\"" + a + "\",\"type\":\"data\",\"offset\":1.5,\"length\":38}"), "{\"x\":" + deep,
          pack(good).substr(0, 100)}) {
        CAPTURE(bad);
        CHECK(kind_of([&] { parse_index(bad, [](const PackBlobs&) {}); }) == ErrorKind::kDataLoss);
    }

    Index index;
    for (const PackBlobs& each : packs) index.add(each);
    index.sort();
    const auto place = index.find(BlobType::kData, sha256("b"));
    REQUIRE(place);
    CHECK(place->pack == sha256("p1"));
    CHECK(place->offset == 38);
    CHECK(place->raw_length == 511);
    CHECK(index.find(BlobType::kTree, sha256("a"))->pack == sha256("p2"));
    CHECK(index.find(BlobType::kData, sha256("a"))->pack == sha256("p1"));
    CHECK_FALSE(index.find(BlobType::kTree, sha256("b")));
    CHECK(index.has_pack(sha256("p2")));
    CHECK_FALSE(index.has_pack(sha256("a")));
}

TEST_CASE("documents come back, and broken ones are kDataLoss") {
    const SystemTime time{std::chrono::seconds{1'700'000'000} + std::chrono::nanoseconds{123'456'789}};
    const Config config{.id = std::string(64, 'a'), .polynomial = kPolynomial};
    CHECK(encode_config(config) ==
          "{\"chunker_polynomial\":\"3da3358b4dc173\",\"id\":\"" + config.id + "\",\"version\":2}");
    CHECK(parse_config(encode_config(config)).polynomial == kPolynomial);
    CHECK(kind_of([] { static_cast<void>(parse_config("{\"version\":3}")); }) == ErrorKind::kUnsupported);
    CHECK(kind_of([] {
              static_cast<void>(parse_config("{\"version\":2,\"id\":\"x\",\"chunker_polynomial\":\"5\"}"));
          }) == ErrorKind::kDataLoss);

    const Snapshot snapshot{
        .time = time, .tree = sha256("t"), .paths = {"/a/b"}, .host = "h", .user = "u", .tags = {"x", "y"}};
    const Snapshot back = parse_snapshot(encode_snapshot(snapshot));
    CHECK(back.time == snapshot.time);
    CHECK(back.tree == snapshot.tree);
    CHECK(back.paths == snapshot.paths);
    CHECK(back.tags == snapshot.tags);

    const std::vector<Node> nodes = {
        {.name = "d", .type = "dir", .subtree = sha256("s"), .time = time},
        {.name = "f", .type = "file", .size = 7, .content = {sha256("1"), sha256("2")}, .time = time}};
    const std::vector<Node> tree = parse_tree(encode_tree(nodes));
    REQUIRE(tree.size() == 2);
    CHECK(tree[0].subtree == sha256("s"));
    CHECK(tree[1].content == nodes[1].content);
    CHECK(tree[1].size == 7);

    const MasterKey key = MasterKey::random();
    const MasterKey same = parse_master_key(encode_master_key(key));
    CHECK(same.encrypt == key.encrypt);
    CHECK(same.mac_k == key.mac_k);
    CHECK(same.mac_r == key.mac_r);
    const KeyFile file =
        parse_key_file(encode_key_file({.cost = {2, 3, 4}, .salt = "salt", .data = "data"}, time));
    CHECK(file.cost.p == 4);
    CHECK(file.salt == "salt");

    const std::string hex(64, 'b');
    for (const std::string bad : {"", "[]", "{}", "null", "{\"time\":\"x\"}", "{\"time\":5}"}) {
        CHECK(kind_of([&] { static_cast<void>(parse_snapshot(bad)); }) == ErrorKind::kDataLoss);
        CHECK(kind_of([&] { static_cast<void>(parse_lock(bad)); }) == ErrorKind::kDataLoss);
        CHECK(kind_of([&] { static_cast<void>(parse_config(bad)); }) == ErrorKind::kDataLoss);
        CHECK(kind_of([&] { static_cast<void>(parse_key_file(bad)); }) == ErrorKind::kDataLoss);
        CHECK(kind_of([&] { static_cast<void>(parse_master_key(bad)); }) == ErrorKind::kDataLoss);
    }
    for (const std::string name : {"", ".", "..", "a/b"}) {
        CHECK(kind_of([&] {
                  static_cast<void>(
                      parse_tree("{\"nodes\":[{\"name\":\"" + name + "\",\"type\":\"file\"}]}"));
              }) == ErrorKind::kDataLoss);
    }
    CHECK(kind_of([] { static_cast<void>(parse_tree("{\"nodes\":[{\"name\":\"d\",\"type\":\"dir\"}]}")); }) ==
          ErrorKind::kDataLoss);
}

TEST_CASE("documents are sealed compressed, and plain ones are read too") {
    const MasterKey key = MasterKey::random();
    CHECK(open_document(key, seal_document(key, "{\"a\":1}")) == "{\"a\":1}");
    CHECK(open_document(key, Cipher(key).seal("{\"plain\":1}")) == "{\"plain\":1}");
    CHECK(kind_of([&] { static_cast<void>(open_document(key, Cipher(key).seal("\x03x"))); }) ==
          ErrorKind::kDataLoss);
    CHECK(kind_of([&] { static_cast<void>(open_document(key, Cipher(key).seal(""))); }) ==
          ErrorKind::kDataLoss);
    CHECK(kind_of([&] { static_cast<void>(open_document(MasterKey::random(), seal_document(key, "{}"))); }) ==
          ErrorKind::kDataLoss);
}

TEST_CASE("ids are 64 lower-case hexadecimal digits") {
    const std::string hex = sha256_hex("x");
    CHECK(to_hex(parse_id(hex)) == hex);
    CHECK(parse_id(hex) == sha256("x"));
    CHECK_FALSE(is_id(hex.substr(1)));
    CHECK_FALSE(is_id(std::string(63, 'a') + "A"));
    CHECK_THROWS_AS(parse_id("x"), Error);
}
