// Why a TLS connection failed, in words that begin with a verb whose subject is the other end.
#pragma once

#include <string>

#include "io/tls/context.h"

namespace patronus::tls {

// `error` is OpenSSL's code, 0 if there is none.
[[nodiscard]] std::string explain_error(unsigned long error);
// A certificate that verification refused, with X509_STORE_CTX's code for it.
[[nodiscard]] std::string explain_refusal(int verify_error, const X509* certificate);
// A certificate that was revoked, at this time in Unix seconds.
[[nodiscard]] std::string explain_revocation(const X509* certificate, int64_t at);

}  // namespace patronus::tls
