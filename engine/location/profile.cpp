#include <algorithm>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "location/location.h"

namespace fencepost::location {
namespace {

// As Go's encoding/json finds a struct's field: the exact name first, then without case.
const Value& member(const Value& object, std::string_view name) {
    static const Value nil;
    if (const Value* exact = object.find(name)) return *exact;
    for (const Member& candidate : object.map_or_empty()) {
        if (equal_without_case(candidate.key, name)) return candidate.value;
    }
    return nil;
}

std::string text(const Value& object, std::string_view name) {
    const Value& value = member(object, name);
    if (value.is_nil()) return {};
    if (!value.is_string()) {
        throw Error(ErrorKind::kInvalid, "profile: '" + std::string(name) + "' must be a string");
    }
    return value.as_string();
}

// A value of a Kubernetes Secret as JSON has it: base64.
std::string secret_text(const Value& secret, std::string_view key) {
    const std::string encoded = text(member(secret, "data"), key);
    try {
        return base64_decode(encoded);
    } catch (Error& error) {
        error.add_trace("profile: key '" + std::string(key) + "' of the credential Secret");
        throw;
    }
}

void read_secret(ResolvedProfile& profile, const Value& secret) {
    const std::string type = text(secret, "type");
    if (type != "secrets.kanister.io/aws") {
        throw Error(ErrorKind::kUnsupported,
                    "profile: a credential Secret of type '" + type + "' does not fit an S3 location",
                    "use a Secret of type secrets.kanister.io/aws, or a keyPair");
    }
    if (!secret_text(secret, "role").empty()) {
        throw Error(ErrorKind::kUnsupported, "profile: the credential Secret names a role to assume",
                    "give the access key of that role's user instead");
    }
    profile.access_key_id = secret_text(secret, "aws_access_key_id");
    profile.secret_access_key = Secret(secret_text(secret, "aws_secret_access_key"));
    profile.session_token = Secret(secret_text(secret, "aws_session_token"));
}

void read_credential(ResolvedProfile& profile, const Value& credential) {
    const std::string type = text(credential, "Type");
    if (type == "secret") {
        read_secret(profile, member(credential, "Secret"));
    } else if (type == "keyPair" || type.empty()) {
        const Value& pair = member(credential, "KeyPair");
        profile.access_key_id = text(pair, "ID");
        profile.secret_access_key = Secret(text(pair, "Secret"));
        profile.session_token = Secret(text(pair, "SessionToken"));
    } else {
        throw Error(ErrorKind::kUnsupported, "profile: credential type '" + type + "' is not supported",
                    "use keyPair or secret");
    }
    if (profile.access_key_id.empty() || profile.secret_access_key.is_empty()) {
        throw Error(ErrorKind::kInvalid, "profile: the access key or its secret is empty",
                    "see the Profile's credential and the Secret that it names");
    }
}

std::chrono::seconds protection_period_of(const std::string& text) {
    if (text.empty()) return {};
    const auto period = std::chrono::duration_cast<std::chrono::seconds>(parse_duration(text));
    if (period.count() <= 0) {
        throw Error(ErrorKind::kInvalid, "profile: protectionPeriod '" + text + "' is less than a second",
                    "give what an object lock is to hold: 720h");
    }
    return period;
}

}  // namespace

ResolvedProfile ResolvedProfile::from_json(const Value& profile) {
    if (!profile.is_map()) throw Error(ErrorKind::kInvalid, "profile: expected a JSON object");
    const Value& place = member(profile, "Location");
    ResolvedProfile resolved;
    const std::string type = text(place, "type");
    resolved.bucket = text(place, "bucket");
    resolved.endpoint = text(place, "endpoint");
    resolved.prefix = text(place, "prefix");
    resolved.region = text(place, "region");
    resolved.skip_ssl_verify = member(profile, "SkipSSLVerify").bool_or(false);
    resolved.ca_bundle_pem = text(profile, "CABundle");
    resolved.repository_key = Secret(text(profile, "RepositoryKey"));
    resolved.protection_period = protection_period_of(text(profile, "ProtectionPeriod"));
    if (equal_without_case(type, "filestore")) {
        resolved.type = "filestore";
        resolved.file_path = text(place, "path");
        if (!resolved.file_path.starts_with('/')) {
            throw Error(ErrorKind::kInvalid,
                        "profile: location.path '" + resolved.file_path + "' is no absolute path",
                        "a filestore location needs the folder it is kept in");
        }
        if (resolved.protection_period.count() > 0) {
            throw Error(ErrorKind::kInvalid,
                        "profile: a folder has no object lock, and cannot keep a protectionPeriod",
                        "use a bucket, or take protectionPeriod out");
        }
    } else if (equal_without_case(type, "s3Compliant")) {
        resolved.type = "s3Compliant";
        if (resolved.bucket.empty()) throw Error(ErrorKind::kInvalid, "profile: location.bucket is empty");
        read_credential(resolved, member(profile, "Credential"));
    } else {
        throw Error(ErrorKind::kUnsupported, "profile: location type '" + type + "' is not supported",
                    "supported are s3Compliant and filestore");
    }
    return resolved;
}

}  // namespace fencepost::location
