// The API's description for programs: OpenAPI 3.1.
#pragma once

#include <string_view>

#include "io/protocol/http/message.h"

namespace patronus::api {

// io/api/openapi.json as it was built in, with the version filled in. tests/openapi_test.cpp holds it against
// the router: each route is in it, with its methods and the role it takes, and nothing else.
[[nodiscard]] std::string_view openapi_document();
[[nodiscard]] http::Response openapi_response();

}  // namespace patronus::api
