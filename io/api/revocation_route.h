// The list of revoked certificates, for clients whose certificate says that it is here.
#pragma once

#include <string>

#include "io/api/problem.h"

namespace patronus::api {

// `list` in DER form (RFC 5280 section 4.2.1.13, RFC 2585 section 4.2); empty: this node has none, which is a
// 404.
[[nodiscard]] http::Response revocation_response(const http::Request& request, const std::string& list,
                                                 const Origin& origin);

}  // namespace patronus::api
