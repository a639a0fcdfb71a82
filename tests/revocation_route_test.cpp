// What is answered to whoever asks for the list of revoked certificates.
#include "io/api/revocation_route.h"

#include <gtest/gtest.h>

#include <string>

#include "io/api/router.h"

namespace patronus::api::revocation_route_test {
namespace {

std::string header(const http::Response& response, const std::string& name) {
  for (const http::Header& one : response.headers) {
    if (one.name == name) return one.value;
  }
  return "";
}

TEST(RevocationRoute, AnswersWithTheListAsItIs) {
  const std::string list("\x30\x00\xff", 3);
  const http::Response response = revocation_response({}, list, {});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, list);
  EXPECT_EQ(header(response, "Content-Type"), "application/pkix-crl");
}

TEST(RevocationRoute, WithoutAListThereIsNone) {
  const http::Response response = revocation_response({}, "", {});
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(header(response, "Content-Type"), "application/problem+json");
  EXPECT_NE(response.body.find("\"no_revocation_list\""), std::string::npos) << response.body;
}

TEST(RevocationRoute, TakesNoParameters) {
  http::Request request;
  request.query = {{"a", "b"}};
  EXPECT_EQ(revocation_response(request, "x", {}).status, 400);
}

TEST(RevocationRoute, IsOpenToAllForReading) {
  http::Request request;
  request.segments = {"pki", "ca.crl"};
  EXPECT_EQ(route_of(request), Route::kRevocations);
  EXPECT_TRUE(allows(Route::kRevocations, "GET") && allows(Route::kRevocations, "HEAD"));
  EXPECT_FALSE(allows(Route::kRevocations, "PUT"));
  EXPECT_EQ(info(Route::kRevocations).to_read, Need::kNobody);
}

}  // namespace
}  // namespace patronus::api::revocation_route_test
