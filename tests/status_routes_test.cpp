// What probes and balancers are answered.
#include "io/api/status_routes.h"

#include <gtest/gtest.h>

#include <string>

#include "io/json/json.h"

namespace patronus::api::status_routes_test {
namespace {

Status healthy() {
  Status status;
  status.id = "a";
  status.role = "follower";
  status.ready = true;
  status.components = {{"wal", true, "", WallTime{}}, {"leader", true, "", WallTime{}}};
  return status;
}

struct Seen {
  int status = 0;
  std::string word;
  size_t components = 0;
};

Seen ask(Route route, const Status& status, std::vector<http::QueryParam> query = {}) {
  http::Request request;
  request.query = std::move(query);
  const http::Response response = status_response(route, request, status, "test", Origin{}, false);
  const auto parsed = json::parse(response.body);
  const auto* body = std::get_if<picojson::value>(&parsed);
  if (body == nullptr) return {response.status, "not JSON: " + response.body, 0};
  const auto& components = body->get("components");
  return {response.status, body->get("status").to_str(),
          components.is<picojson::array>() ? components.get<picojson::array>().size() : 0};
}

TEST(Ready, IsForTheBalancer) {
  Status status = healthy();
  EXPECT_EQ(ask(Route::kReady, status).status, 200);
  EXPECT_EQ(ask(Route::kReady, status).word, "ready");
  status.components[1].ok = false;
  status.ready = false;
  EXPECT_EQ(ask(Route::kReady, status).status, 503);
  EXPECT_EQ(ask(Route::kReady, status).word, "unready");
  EXPECT_EQ(ask(Route::kReady, status, {{"exclude", "leader"}}).status, 200);
}

TEST(Ready, DrainingIsToldApartFromFailing) {
  Status status = healthy();
  status.draining = true;
  status.ready = false;
  EXPECT_EQ(ask(Route::kReady, status).status, 404);
  EXPECT_EQ(ask(Route::kReady, status).word, "draining");
  EXPECT_EQ(ask(Route::kReady, status, {{"verbose", ""}}).components, 2U);
  // Whatever fails besides: it is about to leave, and those who stick to it may still finish.
  status.components[1].ok = false;
  EXPECT_EQ(ask(Route::kReady, status).status, 404);
  EXPECT_EQ(ask(Route::kReady, status, {{"exclude", "leader"}}).status, 404);
}

TEST(Health, AnswersWhateverTheState) {
  Status status = healthy();
  EXPECT_EQ(ask(Route::kHealth, status).word, "ok");
  status.ready = false;
  EXPECT_EQ(ask(Route::kHealth, status).word, "degraded");
  status.draining = true;
  for (const Route route : {Route::kHealth, Route::kLive}) EXPECT_EQ(ask(route, status).status, 200);
  EXPECT_EQ(ask(Route::kHealth, status).word, "draining");
  EXPECT_EQ(ask(Route::kLive, status).word, "live");
}

}  // namespace
}  // namespace patronus::api::status_routes_test
