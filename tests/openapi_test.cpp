// The API's description says what the router does, no more and no less.
#include "io/api/openapi.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "io/api/router.h"
#include "io/json/json.h"

namespace patronus::api::openapi_test {
namespace {

class OpenApi : public ::testing::Test {
 protected:
  OpenApi()
      : parsed(
            json::parse(openapi_document(), {.bytes_max = 1 << 20, .depth_max = 40, .members_max = 20'000})) {
    EXPECT_TRUE(std::holds_alternative<picojson::value>(parsed));
  }
  const picojson::value& document() const { return std::get<picojson::value>(parsed); }
  const picojson::object& paths() const { return document().get("paths").get<picojson::object>(); }

  decltype(json::parse(std::string_view{}, {})) parsed;
};

std::set<std::string> methods_of(Route route) {
  std::set<std::string> methods;
  for (const auto& [name, key] : {std::pair("GET", "get"), std::pair("PUT", "put"), std::pair("POST", "post"),
                                  std::pair("DELETE", "delete"), std::pair("PATCH", "patch")}) {
    if (allows(route, name)) methods.insert(key);
  }
  return methods;
}

std::string role_of_need(Need need) {
  switch (need) {
    case Need::kViewer:
      return "viewer";
    case Need::kOperator:
      return "operator";
    case Need::kAdmin:
      return "admin";
    case Need::kNobody:
      break;
  }
  return "";
}

TEST_F(OpenApi, HasEachRouteAndNothingElse) {
  std::set<std::string> described;
  for (const auto& [path, item] : paths()) described.insert(path);
  std::set<std::string> routed;
  for (size_t i = 0; i < static_cast<size_t>(Route::kNone); ++i)
    routed.emplace(info(static_cast<Route>(i)).path);
  EXPECT_EQ(described, routed);
}

TEST_F(OpenApi, HasEachMethodWithTheRoleItTakes) {
  for (size_t i = 0; i < static_cast<size_t>(Route::kNone); ++i) {
    const Route route = static_cast<Route>(i);
    const std::string path(info(route).path);
    const auto at = paths().find(path);
    if (at == paths().end()) continue;
    std::set<std::string> methods;
    for (const auto& [method, operation] : at->second.get<picojson::object>()) {
      methods.insert(method);
      const std::string role = role_of_need(method == "get" ? info(route).to_read : info(route).to_write);
      const picojson::value& told = operation.get("x-patronus-role");
      EXPECT_EQ(told.is<std::string>() ? told.to_str() : "", role) << method << " " << path;
      // Without a role the security that holds for all is taken back.
      EXPECT_EQ(operation.contains("security"), role.empty()) << method << " " << path;
      EXPECT_TRUE(operation.contains("operationId") && operation.contains("responses")) << path;
    }
    EXPECT_EQ(methods, methods_of(route)) << path;
  }
}

TEST_F(OpenApi, DeclaresEachParameterOfAPath) {
  for (const auto& [path, item] : paths()) {
    size_t braces = 0;
    for (const char c : path) braces += c == '{' ? 1 : 0;
    for (const auto& [method, operation] : item.get<picojson::object>()) {
      const picojson::value& parameters = operation.get("parameters");
      const size_t count = parameters.is<picojson::array>() ? parameters.get<picojson::array>().size() : 0;
      EXPECT_GE(count, braces) << method << " " << path;
    }
  }
}

// Each reference leads somewhere.
void check_references(const picojson::value& value, const picojson::value& document) {
  if (value.is<picojson::array>()) {
    for (const picojson::value& one : value.get<picojson::array>()) check_references(one, document);
  }
  if (!value.is<picojson::object>()) return;
  for (const auto& [name, one] : value.get<picojson::object>()) {
    if (name != "$ref") {
      check_references(one, document);
      continue;
    }
    const std::string reference = one.to_str();
    ASSERT_TRUE(reference.starts_with("#/components/")) << reference;
    const size_t slash = reference.find('/', 13);
    const picojson::value& kind = document.get("components").get(reference.substr(13, slash - 13));
    EXPECT_TRUE(kind.contains(reference.substr(slash + 1))) << reference;
  }
}

TEST_F(OpenApi, IsWholeAndNamesItsVersion) {
  EXPECT_EQ(document().get("openapi").to_str(), "3.1.0");
  EXPECT_EQ(document().get("info").get("version").to_str().find('@'), std::string::npos);
  check_references(document(), document());
}

}  // namespace
}  // namespace patronus::api::openapi_test
