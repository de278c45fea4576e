#include "location/address.h"

#include <algorithm>
#include <map>

#include "base/ascii.h"
#include "base/error.h"
#include "base/files.h"
#include "value/json.h"

namespace fencepost::location {
namespace {

constexpr std::size_t kMaxCredentials = 64 * 1024;
constexpr std::size_t kAwsIdLength = 20, kAwsSecretLength = 40;

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

[[noreturn]] void refuse_uri(std::string_view uri, const std::string& why) {
    throw Error(ErrorKind::kInvalid, "the location '" + std::string(uri) + "' " + why,
                "a location is file:///folder or s3://bucket/prefix");
}

// One line of a credentials file.
struct Line {
    std::string_view file;
    int number;
    std::string_view text;
    [[noreturn]] void refuse(const std::string& why, const std::string& hint, std::size_t column = 0) const {
        throw Error(ErrorKind::kInvalid, why, hint)
            .at({std::string(file), number, static_cast<int>(column) + 1});
    }
};

constexpr const char* kShape =
    "the file has the lines [default], aws_access_key_id = ..., aws_secret_access_key = ...";

void check_value(const Line& line, std::string_view key, std::string_view value) {
    const auto column = static_cast<std::size_t>(value.data() - line.text.data());
    const std::string name(key);
    if (value.empty()) line.refuse(name + " has no value", kShape, line.text.size());
    if (const std::size_t at = value.find_first_of("<>{}"); at != std::string_view::npos) {
        line.refuse("the value of " + name + " is still a placeholder", "put the key itself there",
                    column + at);
    }
    if (const std::size_t at = value.find_first_of("\"'"); at != std::string_view::npos) {
        line.refuse("the value of " + name + " has a quote in it", "values stand without quotes",
                    column + at);
    }
    if (const std::size_t at = value.find_first_of(" \t"); at != std::string_view::npos) {
        line.refuse("the value of " + name + " has a blank in it", "was something pasted twice, or cut?",
                    column + at);
    }
}

bool is_aws_id(std::string_view id) {
    return id.size() == kAwsIdLength && (id.starts_with("AKIA") || id.starts_with("ASIA"));
}

struct Found {
    std::string value;
    Line line;
};

KeyPair key_pair_of(const std::map<std::string, Found, std::less<>>& values, std::string_view file,
                    std::string_view section) {
    const auto value = [&](const char* key) {
        const auto found = values.find(key);
        return found == values.end() ? std::string() : found->second.value;
    };
    for (const char* key : {"aws_access_key_id", "aws_secret_access_key"}) {
        if (values.contains(key)) continue;
        throw Error(ErrorKind::kInvalid,
                    std::string(file) + ": the section [" + std::string(section) + "] has no " + key, kShape);
    }
    KeyPair pair{.access_key_id = value("aws_access_key_id"),
                 .secret_access_key = Secret(value("aws_secret_access_key")),
                 .session_token = Secret(value("aws_session_token"))};
    const std::size_t length = pair.secret_access_key.reveal().size();
    if (is_aws_id(pair.access_key_id) && length != kAwsSecretLength) {
        const Line& line = values.find("aws_secret_access_key")->second.line;
        line.refuse("the value of aws_secret_access_key has " + std::to_string(length) +
                        " characters; AWS' have " + std::to_string(kAwsSecretLength),
                    length == kAwsSecretLength + 1 ? "is there a stray letter in front of it or behind it?"
                                                   : "was it cut, or pasted twice?");
    }
    return pair;
}

void read_keys(ResolvedProfile& profile, const Address& address, const EnvironmentVariable& variable) {
    std::string file = address.credentials_file;
    if (file.empty()) file = variable("AWS_SHARED_CREDENTIALS_FILE").value_or("");
    const std::string id = variable("AWS_ACCESS_KEY_ID").value_or("");
    if (!file.empty() && (id.empty() || !address.credentials_file.empty())) {
        const KeyPair pair = parse_credentials(read_file(file, kMaxCredentials), file,
                                               variable("AWS_PROFILE").value_or("default"));
        profile.access_key_id = pair.access_key_id;
        profile.secret_access_key = pair.secret_access_key;
        profile.session_token = pair.session_token;
        return;
    }
    profile.access_key_id = id;
    profile.secret_access_key = Secret(variable("AWS_SECRET_ACCESS_KEY").value_or(""));
    profile.session_token = Secret(variable("AWS_SESSION_TOKEN").value_or(""));
    if (profile.access_key_id.empty() || profile.secret_access_key.is_empty()) {
        throw Error(ErrorKind::kInvalid, "there are no credentials for " + address.uri,
                    "give --credentials-file FILE (AWS' format), or AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY in the "
                    "environment");
    }
}

}  // namespace

ResolvedProfile parse_uri(std::string_view uri) {
    if (const std::size_t at = uri.find_first_of("\"'` \t\n\\"); at != std::string_view::npos) {
        const char c = uri[at];
        refuse_uri(uri, c == '"' || c == '\''
                            ? "has a quote in it: was it quoted twice, or the quote not closed?"
                            : "has a blank, a line break or a backslash in it");
    }
    if (uri.find_first_of("<>${}") != std::string_view::npos)
        refuse_uri(uri, "has a placeholder in it that nobody filled");
    ResolvedProfile profile;
    if (uri.starts_with("file://")) {
        profile.type = "filestore";
        profile.file_path = uri.substr(7);
        if (!profile.file_path.starts_with('/') || profile.file_path.starts_with("//"))
            refuse_uri(uri, "names no absolute folder");
        return profile;
    }
    if (!uri.starts_with("s3://")) refuse_uri(uri, "is neither file:// nor s3://");
    profile.type = "s3Compliant";
    const std::string_view rest = uri.substr(5);
    profile.bucket = rest.substr(0, rest.find('/'));
    if (profile.bucket.empty()) refuse_uri(uri, "names no bucket");
    profile.prefix = join_key("", rest.substr(std::min(profile.bucket.size() + 1, rest.size())));
    return profile;
}

KeyPair parse_credentials(std::string_view text, std::string_view file, std::string_view section) {
    std::map<std::string, Found, std::less<>> values;
    std::string here;
    bool is_there = false;
    for (int number = 1; !text.empty(); ++number) {
        const Line line{file, number, text.substr(0, text.find('\n'))};
        text.remove_prefix(std::min(line.text.size() + 1, text.size()));
        const std::string_view content = trimmed(line.text);
        if (content.empty() || content.front() == '#' || content.front() == ';') continue;
        if (content.front() == '[') {
            if (content.back() != ']')
                line.refuse("the section's name is not closed by ']'", kShape, line.text.size());
            here = trimmed(content.substr(1, content.size() - 2));
            is_there = is_there || here == section;
            continue;
        }
        const std::size_t equals = content.find('=');
        if (equals == std::string_view::npos)
            line.refuse("the line is neither [section] nor KEY = VALUE", kShape);
        if (here.empty()) line.refuse("a value stands before the first [section]", kShape);
        if (here != section) continue;
        const std::string key = ascii_lower(trimmed(content.substr(0, equals)));
        const std::string_view value = trimmed(content.substr(equals + 1));
        if (!key.starts_with("aws_")) continue;  // region, output and the like are not ours
        check_value(line, key, value);
        values.insert_or_assign(key, Found{std::string(value), line});
    }
    if (!is_there) {
        throw Error(ErrorKind::kInvalid,
                    std::string(file) + ": there is no section [" + std::string(section) + "]", kShape);
    }
    return key_pair_of(values, file, section);
}

ResolvedProfile resolve(const Address& address, const EnvironmentVariable& variable) {
    if (!address.profile.empty()) return ResolvedProfile::from_json(parse_json(address.profile));
    Address chosen = address;
    if (chosen.uri.empty()) {
        if (const auto profile = variable("FENCEPOST_PROFILE"); profile && !profile->empty())
            return ResolvedProfile::from_json(parse_json(*profile));
        chosen.uri = variable("FENCEPOST_LOCATION").value_or("");
    }
    if (chosen.uri.empty()) {
        throw Error(ErrorKind::kInvalid, "nobody says where the archive is",
                    "give --location file:///folder or s3://bucket/prefix, --profile, or one of them as "
                    "FENCEPOST_LOCATION or FENCEPOST_PROFILE in the environment");
    }
    ResolvedProfile profile = parse_uri(chosen.uri);
    if (profile.type == "filestore") return profile;
    const auto first = [&](const std::string& given, std::initializer_list<const char*> names) {
        std::string value = given;
        for (const char* name : names) {
            if (value.empty()) value = variable(name).value_or("");
        }
        return value;
    };
    profile.region = first(address.region, {"AWS_REGION", "AWS_DEFAULT_REGION"});
    profile.endpoint = first(address.endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
    if (const std::string bundle = first("", {"AWS_CA_BUNDLE"}); !bundle.empty())
        profile.ca_bundle_pem = read_file(bundle);
    read_keys(profile, chosen, variable);
    return profile;
}

}  // namespace fencepost::location
