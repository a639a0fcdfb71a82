#include "io/api/revocation_route.h"

#include "io/api/state_requests.h"

namespace patronus::api {

http::Response revocation_response(const http::Request& request, const std::string& list,
                                   const Origin& origin) {
  Problem problem;
  if (!only_parameters(request, {}, problem)) return problem_response(problem, origin);
  if (list.empty()) {
    return problem_response(
        {404,
         "no_revocation_list",
         "this node has no list of revoked certificates; PATRONUS_TLS_CRL would name its file",
         false,
         false,
         {}},
        origin);
  }
  http::Response response;
  response.headers.push_back({"Content-Type", "application/pkix-crl"});
  // It is public, and a copy that is a few minutes old does no harm that its next update would not do.
  response.headers.push_back({"Cache-Control", "public, max-age=300"});
  response.body = list;
  return response;
}

}  // namespace patronus::api
