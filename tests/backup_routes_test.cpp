// What a node says of its copies off site, and how it asks for more.
#include "io/api/backup_routes.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "io/json/json.h"

namespace patronus::api::backup_routes_test {
namespace {

constexpr int64_t kNow = 1'800'000'000'000;

BackupView view_of(int64_t first_covered, int64_t second_covered) {
  BackupView view;
  view.has_database = true;
  view.report.emplace();
  view.report->runs = true;
  view.report->at_ms = kNow - 500;
  view.report->targets = {{"file", "file:///x", "g", backup::LogPosition{1, 2}, first_covered, 0, 0, ""},
                          {"s3", "s3://x", "g", std::nullopt, second_covered, 9, kNow - 1, "no room"}};
  view.report->verified = {{"file", true, kNow - 2, 3, 4, "fine"}};
  return view;
}

picojson::value status_of(const BackupView& view) {
  const http::Response response = backup_status_response(view, "n1", kNow);
  EXPECT_EQ(response.status, 200);
  return std::get<picojson::value>(json::parse(response.body));
}

TEST(BackupRoutes, TellOfEachTarget) {
  const picojson::value status = status_of(view_of(kNow - 3'000, 0));
  EXPECT_TRUE(status.get("problem").is<picojson::null>());
  const picojson::value& file = status.get("targets").get(0);
  EXPECT_EQ(file.get("lag_ms").get<int64_t>(), 3'000);
  EXPECT_EQ(file.get("position").get<std::string>(), "00000001:2");
  EXPECT_TRUE(file.get("verified").get("ok").get<bool>());
  const picojson::value& s3 = status.get("targets").get(1);
  EXPECT_TRUE(s3.get("lag_ms").is<picojson::null>());
  EXPECT_TRUE(s3.get("verified").is<picojson::null>());
  EXPECT_EQ(s3.get("state_problem").get<std::string>(), "no room");
}

TEST(BackupRoutes, SayWhyThereIsNone) {
  const auto problem = [](const BackupView& view) { return status_of(view).get("problem").to_str(); };
  EXPECT_NE(problem({}).find("PATRONUS_DB_PATH is off"), std::string::npos);
  EXPECT_NE(problem({true, std::nullopt}).find("patronusctl backup run"), std::string::npos);
  BackupView silent = view_of(1, 1);
  silent.report->at_ms = kNow - limits::kBackupReportStale.count() / 1'000'000 - 1;
  EXPECT_NE(problem(silent).find("has not been heard since"), std::string::npos);
  BackupView stopped = view_of(1, 1);
  stopped.report->runs = false;
  EXPECT_NE(problem(stopped).find("Litestream does not run"), std::string::npos);
}

// The worst target counts; one that is not known to have anything has nothing.
TEST(BackupRoutes, FiguresAreOfTheWorst) {
  EXPECT_EQ(backup_figures(view_of(kNow - 1'000, kNow - 9'000), kNow).lag_ms, 9'000);
  EXPECT_EQ(backup_figures(view_of(kNow - 1'000, kNow - 9'000), kNow).covered_ms, kNow - 9'000);
  EXPECT_EQ(backup_figures(view_of(kNow - 1'000, 0), kNow).lag_ms, std::nullopt);
  EXPECT_EQ(backup_figures({}, kNow).covered_ms, 0);
}

// A number that was given out is never given out again, whatever the clock does.
TEST(BackupRoutes, NumbersOfRequestsOnlyGrow) {
  BackupView view = view_of(1, 1);
  view.report->verify_done = static_cast<uint64_t>(kNow) + 50;
  backup::Requests last;
  uint64_t before = 0;
  for (const int64_t now : {kNow, kNow, kNow - 1'000}) {
    const auto asked = ask_backup(Route::kBackupNow, view, last, now);
    ASSERT_TRUE(std::holds_alternative<backup::Requests>(asked));
    EXPECT_EQ(std::get<backup::Requests>(asked).verify, last.verify);
    last = std::get<backup::Requests>(asked);
    EXPECT_GT(last.now, before);
    before = last.now;
  }
  const auto verify = ask_backup(Route::kBackupVerify, view, last, kNow);
  EXPECT_GT(std::get<backup::Requests>(verify).verify, view.report->verify_done);
  EXPECT_EQ(std::get<Problem>(ask_backup(Route::kBackupNow, {true, std::nullopt}, last, kNow)).status, 503);
}

}  // namespace
}  // namespace patronus::api::backup_routes_test
