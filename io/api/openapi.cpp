#include "io/api/openapi.h"

namespace patronus::api {
namespace {

// Made by io/CMakeLists.txt.
constexpr std::string_view kDocument =
#include "openapi_text.inc"
    ;

}  // namespace

std::string_view openapi_document() { return kDocument; }

http::Response openapi_response() {
  http::Response response;
  response.headers.push_back({"Content-Type", "application/json"});
  response.headers.push_back({"Cache-Control", "public, max-age=60"});
  response.body = std::string(kDocument);
  return response;
}

}  // namespace patronus::api
