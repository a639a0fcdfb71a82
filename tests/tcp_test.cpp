// Streams over real sockets on loopback: how many names are looked up at a time.
#include <gtest/gtest.h>
#include <uv.h>

#include <map>
#include <optional>
#include <string>

#include "core/base/limits.h"
#include "io/uv/tcp.h"

namespace patronus::uv::tcp_test {
namespace {

constexpr uint64_t kPatienceMs = 60'000;  // only a hang is this slow

struct Ends : TcpStreams::Listener {
  ConnId on_accepted(Door, const Remote&) override { return 0; }
  void on_dialled(ConnId conn) override { how[conn] = std::nullopt; }
  void on_bytes(ConnId, std::string_view) override {}
  void on_end_of_input(ConnId) override {}
  void on_ended(ConnId conn, LinkEnd end) override { how[conn] = end; }
  void on_written(ConnId, size_t) override {}

  std::map<ConnId, std::optional<LinkEnd>> how;  // it went; nothing if it was opened
};

class Streams : public ::testing::Test {
 protected:
  Streams() {
    uv_loop_init(&loop_);
    uv_timer_init(&loop_, &hangs_);
    uv_timer_start(&hangs_, [](uv_timer_t* timer) { uv_stop(timer->loop); }, kPatienceMs, 0);
    uv_unref(reinterpret_cast<uv_handle_t*>(&hangs_));
    streams.emplace(&loop_, ends);
  }
  ~Streams() override {
    streams->shut_down();
    uv_close(reinterpret_cast<uv_handle_t*>(&hangs_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    streams.reset();
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }
  void run_until_told(size_t count) {
    while (ends.how.size() < count && uv_run(&loop_, UV_RUN_ONCE) != 0 && uv_is_active(handle())) {
    }
    ASSERT_EQ(ends.how.size(), count);
  }

  Ends ends;
  std::optional<TcpStreams> streams;

 private:
  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&hangs_); }

  uv_loop_t loop_{};
  uv_timer_t hangs_{};
};

// A look-up may take far longer than whoever dials waits for it, and is then asked for again.
TEST_F(Streams, OnlySoManyNamesAreLookedUpAtATime) {
  constexpr ConnId kLast = limits::kDialLookUpsMax;
  // Port 1 of loopback: whatever becomes of it there, it was looked up.
  for (ConnId conn = 0; conn <= kLast; ++conn) streams->dial(1 + conn, "localhost:1");
  run_until_told(kLast + 1);
  for (const auto& [conn, how] : ends.how) {
    EXPECT_EQ(how == LinkEnd::kTimeout, conn == 1 + kLast) << "stream " << conn;
  }
  ends.how.clear();
  streams->dial(100, "localhost:1");
  run_until_told(1);
  EXPECT_NE(ends.how.begin()->second, LinkEnd::kTimeout) << "there is room again";
}

}  // namespace
}  // namespace patronus::uv::tcp_test
