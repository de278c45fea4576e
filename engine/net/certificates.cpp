#include "net/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

#include "base/error.h"

namespace fencepost::net {
namespace {

struct Free {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
    void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Bio = std::unique_ptr<BIO, Free>;

void check(bool is_fine, const char* what) {
    if (!is_fine)
        throw Error(ErrorKind::kInternal, std::string("OpenSSL cannot make a certificate: ") + what);
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, X509* issuer, int what, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Free> extension(
        X509V3_EXT_conf_nid(nullptr, &context, what, value));
    check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

Certificate make(const char* name, EVP_PKEY* key, SystemTime now, std::chrono::hours validity) {
    Certificate certificate(X509_new());
    X509* x = certificate.get();
    check(x != nullptr && X509_set_version(x, X509_VERSION_3) == 1, "version");
    std::uint64_t serial = 0;
    check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "serial number");
    check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1U) == 1, "serial number");
    const std::time_t begin = std::chrono::system_clock::to_time_t(now - std::chrono::hours(24));
    const std::time_t end = std::chrono::system_clock::to_time_t(now + validity);
    check(ASN1_TIME_set(X509_getm_notBefore(x), begin) != nullptr, "time");
    check(ASN1_TIME_set(X509_getm_notAfter(x), end) != nullptr, "time");
    X509_NAME* subject = X509_get_subject_name(x);
    check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1,
          "name");
    check(X509_set_pubkey(x, key) == 1, "key");
    return certificate;
}

void sign(X509* certificate, EVP_PKEY* key) {
    check(X509_sign(certificate, key, EVP_sha256()) > 0, "signature");
}

std::string pem_of(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM");
    return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "PEM");
    return text_of(bio.get());
}

}  // namespace

Certificates make_loopback_certificates(SystemTime now, std::chrono::hours validity) {
    const Key authority_key(EVP_EC_gen("P-256"));
    const Key key(EVP_EC_gen("P-256"));
    check(authority_key != nullptr && key != nullptr, "key");

    // All that strict clients ask for: Python 3.13 refuses an authority without these extensions.
    const Certificate authority = make("fencepost-authority", authority_key.get(), now, validity);
    X509* ca = authority.get();
    check(X509_set_issuer_name(ca, X509_get_subject_name(ca)) == 1, "issuer");
    add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca, ca, NID_subject_key_identifier, "hash");
    sign(ca, authority_key.get());

    const Certificate server = make("fencepost", key.get(), now, validity);
    X509* x = server.get();
    check(X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1, "issuer");
    add_extension(x, ca, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(x, ca, NID_key_usage, "critical,digitalSignature");
    add_extension(x, ca, NID_ext_key_usage, "serverAuth");
    add_extension(x, ca, NID_subject_key_identifier, "hash");
    add_extension(x, ca, NID_authority_key_identifier, "keyid:always");
    add_extension(x, ca, NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost");
    sign(x, authority_key.get());
    return {pem_of(ca), pem_of(x), pem_of(key.get())};
}

SystemTime certificate_end(const std::string& certificate_pem) {
    const Bio bio(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
    const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    std::tm parts{};
    if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1)
        throw Error(ErrorKind::kInvalid, "that is no certificate");
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

}  // namespace fencepost::net
