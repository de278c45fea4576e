#include "kando/flags.h"

#include "base/error.h"

namespace fencepost::kando {
namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw Error(ErrorKind::kInvalid, message, "see kando --help");
}

class Reader {
  public:
    Reader(const std::vector<std::string>& args, const std::vector<Flag>& known)
        : args_(args), known_(known) {
        known_.push_back({"help", 'h', false});
        known_.push_back({"verbosity", 'v', true});
    }

    CommandLine read() {
        for (; at_ < args_.size(); ++at_) {
            const std::string& arg = args_[at_];
            if (arg == "--") {
                line_.has_rest = true;
                line_.rest.assign(args_.begin() + static_cast<std::ptrdiff_t>(at_) + 1, args_.end());
                break;
            }
            if (arg.starts_with("--")) {
                long_flag(arg);
            } else if (arg.size() > 1 && arg.front() == '-') {
                short_flags(arg);
            } else {
                line_.words.push_back(arg);
            }
        }
        return std::move(line_);
    }

  private:
    void long_flag(const std::string& arg) {
        const std::size_t equals = arg.find('=');
        const std::string name = arg.substr(2, equals == std::string::npos ? equals : equals - 2);
        for (const Flag& flag : known_) {
            if (flag.name != name) continue;
            if (equals != std::string::npos) return set(flag, arg.substr(equals + 1));
            return set(flag, flag.takes_value ? next(arg) : "true");
        }
        refuse("unknown flag: --" + name);
    }

    void short_flags(const std::string& arg) {
        for (std::size_t i = 1; i < arg.size(); ++i) {
            const Flag* found = nullptr;
            for (const Flag& flag : known_) {
                if (flag.letter == arg[i]) found = &flag;
            }
            if (found == nullptr) refuse("unknown shorthand flag: '" + arg.substr(i, 1) + "' in " + arg);
            if (!found->takes_value) {
                set(*found, "true");
                continue;
            }
            std::string value = arg.substr(i + 1);
            if (value.starts_with('=')) value.erase(0, 1);
            set(*found, i + 1 < arg.size() ? value : next(arg));
            return;
        }
    }

    std::string next(const std::string& flag) {
        if (at_ + 1 >= args_.size()) refuse("flag needs an argument: " + flag);
        return args_[++at_];
    }

    void set(const Flag& flag, const std::string& value) { line_.flags[std::string(flag.name)] = value; }

    const std::vector<std::string>& args_;
    std::vector<Flag> known_;
    CommandLine line_;
    std::size_t at_ = 0;
};

}  // namespace

std::string CommandLine::get(std::string_view flag) const {
    const auto found = flags.find(flag);
    return found == flags.end() ? std::string() : found->second;
}

CommandLine parse_flags(const std::vector<std::string>& args, const std::vector<Flag>& known) {
    return Reader(args, known).read();
}

}  // namespace fencepost::kando
