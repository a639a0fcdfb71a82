// What operators are answered, and what a stale read says of its age.
#include "io/api/operator_routes.h"

#include <gtest/gtest.h>

#include <set>

#include "io/api/state_answers.h"
#include "io/json/json.h"

namespace patronus::api::operator_routes_test {
namespace {

http::Request post(const std::string& body) {
  http::Request request;
  request.method = http::Method::kPost;
  request.headers = {{"content-type", "application/json"}};
  request.body = body;
  return request;
}

const Caller kCaller{"u1", "s1", UserRole::kOperator};

TEST(ForceElection, TakesATargetOrNone) {
  for (const auto& [body, target] :
       {std::pair("", ""), std::pair("{}", ""), std::pair(R"({"target":null})", ""),
        std::pair(R"({"target":"n2"})", "n2")}) {
    const auto understood = understand_force_election(post(body), kCaller);
    ASSERT_TRUE(std::holds_alternative<Understood>(understood)) << body;
    const auto& request = std::get<ClientTransfer>(std::get<Understood>(understood).request);
    EXPECT_EQ(request.target, target);
  }
}

TEST(ForceElection, SaysWhatIsWrongWithABody) {
  for (const auto& [body, status] :
       {std::pair("{", 400), std::pair("[]", 400), std::pair(R"({"target":7})", 400),
        std::pair(R"({"node":"n2"})", 400), std::pair(R"({"target":"a b"})", 422),
        std::pair(R"({"target":""})", 422)}) {
    const auto understood = understand_force_election(post(body), kCaller);
    ASSERT_TRUE(std::holds_alternative<Problem>(understood)) << body;
    EXPECT_EQ(std::get<Problem>(understood).status, status) << body;
  }
}

TEST(ForceElection, EachRefusalHasItsOwnCode) {
  Asked asked;
  asked.key = "n2";
  std::set<std::string> codes;
  for (uint8_t why = 1; why <= static_cast<uint8_t>(TransferFailure::kBusy); ++why) {
    TransferResult result;
    result.failure = static_cast<TransferFailure>(why);
    const http::Response response = force_election_response(asked, result, Origin{});
    const bool here = why > static_cast<uint8_t>(TransferFailure::kNobody);
    const int expected = result.failure == TransferFailure::kUnknownNode ? 404 : here ? 503 : 409;
    EXPECT_EQ(response.status, expected);
    const auto parsed = json::parse(response.body);
    codes.insert(std::get<picojson::value>(parsed).get("code").to_str());
  }
  EXPECT_EQ(codes.size(), static_cast<size_t>(TransferFailure::kBusy));
}

std::string staleness_of(const http::Response& response) {
  for (const http::Header& header : response.headers) {
    if (header.name == "X-Patronus-Staleness-Ms") return header.value;
  }
  return "none";
}

TEST(StaleReads, SayHowOldTheyMayBe) {
  for (const Route route : {Route::kStateKey, Route::kStateList, Route::kClusterHistory}) {
    Asked asked;
    asked.route = route;
    ReadResult result;
    EXPECT_EQ(staleness_of(read_response(asked, result, Origin{})), "none");
    result.staleness = std::chrono::microseconds(1'500);
    EXPECT_EQ(staleness_of(read_response(asked, result, Origin{})), "2") << "rounded up: it is a bound";
  }
}

}  // namespace
}  // namespace patronus::api::operator_routes_test
