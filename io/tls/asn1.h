// Values inside certificates and lists of revoked ones, as text and numbers.
#pragma once

#include <cstdint>
#include <string>

#include "io/tls/openssl.h"

namespace patronus::tls {

// The bytes as they are.
[[nodiscard]] std::string text_of(const ASN1_STRING* string);
// As RFC 2253 writes names.
[[nodiscard]] std::string text_of(const X509_NAME* name);
// What is not printable ASCII becomes '?': names come from outside and go to a terminal or a log.
[[nodiscard]] std::string printable(std::string text);
// In hexadecimal, upper case.
[[nodiscard]] std::string hex_of(const ASN1_INTEGER* number);
// Unix seconds; 0 if it is no time.
[[nodiscard]] int64_t seconds_of(const ASN1_TIME* time);

}  // namespace patronus::tls
