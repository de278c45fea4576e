// Hashes, AES, keys and certificates, with OpenSSL. As in Kanister, derivePassword is refused and
// genPrivateKey takes rsa, ecdsa and ed25519 only (for the last, sprig 2.22 has no key but a text that says
// so).
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "template/sprig/sprig.h"
#include "value/format.h"

namespace fencepost::tmpl::sprig {

namespace {

template <auto Free>
struct Freed {
    void operator()(auto* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Buffer = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;

constexpr GoField kCertificateFields[] = {{.name = "Cert", .json_name = "Cert"},
                                          {.name = "Key", .json_name = "Key"}};
const GoType kCertificate{.name = "sprig.certificate", .kind = Kind::kStruct, .fields = kCertificateFields};

constexpr std::size_t kBlock = 16;
constexpr std::size_t kKeyBytes = 32;

const std::string& str(const Value* value) { return value->as_string(); }

void require(bool is_done, const char* what) {
    if (!is_done) fail(std::string("error ") + what);
}

// --- hashes

std::string digest_hex(const std::string& text, const EVP_MD* type) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    require(EVP_Digest(text.data(), text.size(), digest, &size, type, nullptr) == 1, "hashing");
    return hex_encode({reinterpret_cast<const char*>(digest), size});
}

Value adler32(Arguments a) {
    std::uint32_t low = 1;
    std::uint32_t high = 0;
    for (const char c : str(a[0])) {
        low = (low + static_cast<unsigned char>(c)) % 65521;
        high = (high + low) % 65521;
    }
    return Value(std::to_string(high << 16U | low));
}

// --- AES-256 in CBC mode; the key is the password, cut or filled with zeros

std::string aes(const std::string& password, const std::string& vector, std::string_view input,
                bool encrypts) {
    std::string key = password;
    key.resize(kKeyBytes, '\0');
    const Cipher cipher(EVP_CIPHER_CTX_new());
    const auto bytes = [](const auto& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
    std::string output(input.size() + kBlock, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(output.data());
    int size = 0;
    require(cipher &&
                EVP_CipherInit_ex(cipher.get(), EVP_aes_256_cbc(), nullptr, bytes(key), bytes(vector),
                                  encrypts) == 1 &&
                EVP_CIPHER_CTX_set_padding(cipher.get(), 0) == 1 &&
                EVP_CipherUpdate(cipher.get(), out, &size, bytes(input), static_cast<int>(input.size())) == 1,
            "in AES");
    output.resize(static_cast<std::size_t>(size));
    return output;
}

Value encrypt_aes(Arguments a) {
    std::string text = str(a[1]);
    if (text.empty()) return Value("");
    const std::size_t padding = kBlock - text.size() % kBlock;
    text.append(padding, static_cast<char>(padding));
    const std::string vector = random_bytes(kBlock);
    return Value(base64_encode(vector + aes(str(a[0]), vector, text, true)));
}

Value decrypt_aes(Arguments a) {
    if (str(a[1]).empty()) return Value("");
    const std::string data = base64_decode(str(a[1]));
    if (data.size() < kBlock) {
        const std::size_t capacity = str(a[1]).size() / 4 * 3;
        fail("runtime error: slice bounds out of range [:16] with capacity " + std::to_string(capacity));
    }
    if (data.size() % kBlock != 0) fail("crypto/cipher: input not full blocks");
    if (data.size() == kBlock) fail("runtime error: index out of range [-1]");
    std::string text = aes(str(a[0]), data.substr(0, kBlock), std::string_view(data).substr(kBlock), false);
    const std::size_t padding = static_cast<unsigned char>(text.back());
    if (padding > text.size())
        fail("runtime error: slice bounds out of range [:-" + std::to_string(padding - text.size()) + "]");
    text.resize(text.size() - padding);
    return Value(std::move(text));
}

// --- keys and certificates

std::string text_of(BIO* buffer) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(buffer, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string key_pem(EVP_PKEY* key) {
    const Buffer buffer(BIO_new(BIO_s_mem()));
    require(buffer && PEM_write_bio_PrivateKey_traditional(buffer.get(), key, nullptr, nullptr, 0, nullptr,
                                                           nullptr) == 1,
            "pem-encoding key");
    return text_of(buffer.get());
}

std::string certificate_pem(X509* certificate) {
    const Buffer buffer(BIO_new(BIO_s_mem()));
    require(buffer && PEM_write_bio_X509(buffer.get(), certificate) == 1, "pem-encoding certificate");
    return text_of(buffer.get());
}

Value gen_private_key(Arguments a) {
    const std::string& kind = str(a[0]);
    if (kind == "ed25519") return Value("Unknown type ed25519");
    if (kind != "rsa" && kind != "ecdsa")
        fail("sprig usage of 'genPrivateKey for " + kind +
             "' is not allowed by kanister as it is not FIPS compatible");
    const Key key(kind == "rsa" ? EVP_RSA_gen(4096) : EVP_EC_gen("P-256"));
    require(key != nullptr, "generating private key");
    return Value(key_pem(key.get()));
}

// The bytes of the first PEM block; nullopt where there is none.
std::optional<std::string> pem_block(const std::string& text) {
    const Buffer buffer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (!buffer || PEM_read_bio(buffer.get(), &name, &header, &data, &size) != 1) return std::nullopt;
    std::string bytes(reinterpret_cast<char*>(data), static_cast<std::size_t>(size));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    return bytes;
}

Certificate parse_certificate(const std::string& pem, const std::string& where) {
    const auto block = pem_block(pem);
    if (!block) fail("unable to decode certificate");
    const auto* at = reinterpret_cast<const unsigned char*>(block->data());
    Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(block->size())));
    if (!certificate) fail("error parsing certificate: " + where + ": x509: malformed certificate");
    return certificate;
}

Key parse_rsa_key(const std::string& pem, const std::string& where) {
    const auto block = pem_block(pem);
    if (!block) fail("unable to decode key");
    const auto* at = reinterpret_cast<const unsigned char*>(block->data());
    Key key(d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(block->size())));
    if (!key) fail("error parsing prive key: " + where + ": x509: malformed private key");
    return key;
}

Value certificate_value(std::string certificate, std::string key) {
    return Value::of_struct(kCertificate, {{Value(std::move(certificate)), Value(std::move(key))}});
}

Value build_custom_cert(Arguments a) {
    const auto decoded = [](const std::string& text, const char* what) {
        try {
            return base64_decode(text);
        } catch (const Error&) {
            fail(std::string("unable to decode base64 ") + what);
        }
    };
    std::string certificate = decoded(str(a[0]), "certificate");
    std::string key = decoded(str(a[1]), "private key");
    (void)parse_certificate(certificate, "decodedCert.Bytes");
    (void)parse_rsa_key(key, "decodedKey.Bytes");
    return certificate_value(std::move(certificate), std::move(key));
}

using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

void add_name(GENERAL_NAMES& names, int kind, std::string_view bytes) {
    ASN1_STRING* text = ASN1_STRING_type_new(kind == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
    GENERAL_NAME* name = GENERAL_NAME_new();
    require(text != nullptr && name != nullptr &&
                ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size())) == 1,
            "creating certificate");
    GENERAL_NAME_set0_value(name, kind, text);
    sk_GENERAL_NAME_push(&names, name);
}

// An address as bytes: 4, or 16.
std::string address_bytes(const std::string& text) {
    std::array<char, 16> bytes{};
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) fail("error parsing ip: " + text);
    const std::string_view all(bytes.data(), bytes.size());
    return std::string(all.starts_with(std::string("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12)) ? all.substr(12)
                                                                                        : all);
}

Names alternative_names(const Value& addresses, const Value& domains) {
    Names names(GENERAL_NAMES_new());
    std::vector<std::string> parsed;
    for (const Value& address : addresses.list_or_empty()) {
        if (!address.is_string()) fail("error parsing ip: " + go_format_v(address) + " is not a string");
        parsed.push_back(address_bytes(address.as_string()));
    }
    for (const Value& domain : domains.list_or_empty()) {
        if (!domain.is_string())
            fail("error processing alternate dns name: " + go_format_v(domain) + " is not a string");
        add_name(*names, GEN_DNS, domain.as_string());
    }
    for (const std::string& address : parsed) add_name(*names, GEN_IPADD, address);
    return names;
}

struct Signer {
    X509* certificate;
    EVP_PKEY* key;
};

void add_extension(X509& certificate, X509* issuer, int kind, const char* text) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, &certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, text);
    const bool is_added = extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    require(is_added, "creating certificate");
}

// A certificate of a new RSA key, signed by `signer` or by itself.
Value issue(const std::string& name, const Names& names, std::int64_t days, bool is_authority,
            const Signer* signer) {
    const Key key(EVP_RSA_gen(2048));
    const Certificate certificate(X509_new());
    require(key && certificate, "generating rsa key");
    X509* const x509 = certificate.get();
    const std::string serial = random_bytes(16);
    BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), 16, nullptr);
    bool is_done = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nullptr;
    BN_free(number);
    is_done = is_done && X509_set_version(x509, X509_VERSION_3) == 1;
    X509_NAME* const subject = X509_get_subject_name(x509);
    if (!name.empty())
        is_done = is_done && X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                                        reinterpret_cast<const unsigned char*>(name.data()),
                                                        static_cast<int>(name.size()), -1, 0) == 1;
    X509* const issuer = signer != nullptr ? signer->certificate : x509;
    is_done = is_done && X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(x509), 0) != nullptr &&
              X509_time_adj_ex(X509_getm_notAfter(x509), static_cast<int>(days), 0, nullptr) != nullptr &&
              X509_set_pubkey(x509, key.get()) == 1;
    require(is_done, "creating certificate");
    add_extension(*x509, issuer, NID_key_usage,
                  is_authority ? "critical,digitalSignature,keyEncipherment,keyCertSign"
                               : "critical,digitalSignature,keyEncipherment");
    add_extension(*x509, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(*x509, issuer, NID_basic_constraints,
                  is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (is_authority) add_extension(*x509, issuer, NID_subject_key_identifier, "hash");
    if (signer != nullptr && X509_get0_subject_key_id(issuer) != nullptr)
        add_extension(*x509, issuer, NID_authority_key_identifier, "keyid");
    if (sk_GENERAL_NAME_num(names.get()) > 0)
        require(X509_add1_ext_i2d(x509, NID_subject_alt_name, names.get(), name.empty() ? 1 : 0, 0) == 1,
                "creating certificate");
    require(X509_sign(x509, signer != nullptr ? signer->key : key.get(), EVP_sha256()) > 0,
            "creating certificate");
    return certificate_value(certificate_pem(x509), key_pem(key.get()));
}

Value gen_ca(Arguments a) {
    return issue(str(a[0]), alternative_names({}, {}), a[1]->as_int(), true, nullptr);
}

Value gen_self_signed_cert(Arguments a) {
    return issue(str(a[0]), alternative_names(*a[1], *a[2]), a[3]->as_int(), false, nullptr);
}

Value gen_signed_cert(Arguments a) {
    const auto& authority = a[4]->as_fields().values;
    const Certificate certificate = parse_certificate(authority[0].as_string(), "decodedSignerCert.Bytes");
    const Key key = parse_rsa_key(authority[1].as_string(), "decodedSignerKey.Bytes");
    const Signer signer{certificate.get(), key.get()};
    return issue(str(a[0]), alternative_names(*a[1], *a[2]), a[3]->as_int(), false, &signer);
}

Value derive_password(Arguments) {
    fail("sprig usage of 'derivePassword' is not allowed by kanister as it is not FIPS compatible");
}

constexpr Param S = Param::kString;
constexpr Param I = Param::kInt;
constexpr Param L = Param::kList;

const FunctionEntry kTable[] = {
    {.name = "adler32sum", .params = {S}, .call = adler32},
    {.name = "buildCustomCert", .params = {S, S}, .call = build_custom_cert},
    {.name = "decryptAES", .params = {S, S}, .call = decrypt_aes},
    {.name = "derivePassword", .params = {Param::kUint32, S, S, S, S}, .call = derive_password},
    {.name = "encryptAES", .params = {S, S}, .call = encrypt_aes},
    {.name = "genCA", .params = {S, I}, .call = gen_ca},
    {.name = "genPrivateKey", .params = {S}, .call = gen_private_key},
    {.name = "genSelfSignedCert", .params = {S, L, L, I}, .call = gen_self_signed_cert},
    {.name = "genSignedCert", .params = {S, L, L, I, Param::kCertificate}, .call = gen_signed_cert},
    {.name = "sha1sum",
     .params = {S},
     .call = [](Arguments a) { return Value(digest_hex(str(a[0]), EVP_sha1())); }},
    {.name = "sha256sum",
     .params = {S},
     .call = [](Arguments a) { return Value(digest_hex(str(a[0]), EVP_sha256())); }},
};

}  // namespace

Table crypto() { return kTable; }

}  // namespace fencepost::tmpl::sprig
