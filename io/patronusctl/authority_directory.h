// The files of an authority's directory, and what the verbs that work on them share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/output.h"
#include "io/tls/issue.h"

namespace patronus::ctl {

inline constexpr const char* kKeyFile = "ca.key";
inline constexpr const char* kCertificateFile = "ca.crt";
inline constexpr const char* kListFile = "ca.crl";
inline constexpr const char* kListUrlFile = "crl-url";
inline constexpr const char* kSecretFile = "cluster-secret";

[[nodiscard]] std::string below(const std::string& directory, const std::string& name);
// Unix seconds.
[[nodiscard]] int64_t now();

// Says why and returns the code.
[[nodiscard]] int fail(const std::string& why, int code = kError);
// What a verb made: paths, each with what it is.
void report(const std::vector<std::pair<std::string, std::string>>& files, Format format);

// The authority with its key, or one line that says why it can't be used.
[[nodiscard]] std::variant<tls::Authority, std::string> open_authority(const std::string& directory);

}  // namespace patronus::ctl
