// That a driver tells the core who is there before it tells it that all are known who are: nodes that find
// each other by name found nothing while one is there who would be left out.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/limits.h"
#include "io/auth/openssl_crypto.h"
#include "io/driver.h"
#include "io/protocol/peer/session.h"

#include "tests/idle_ports.h"

namespace patronus::driver_founding_test {
namespace {

using namespace std::chrono_literals;

// Node a, empty, whose founders are three behind a name. Others answer when the test lets them.
class Founder : private test::IdlePorts {
 public:
  Founder() {
    DriverOptions options;
    options.boot.id = "a";
    options.boot.incarnation = Incarnation{7};
    options.boot.peer_address = "10.0.0.1:7443";
    options.boot.election_timeout = 1s;
    options.boot.heartbeat_interval = 100ms;
    options.boot.founding_nodes = 3;
    options.boot.founding_by_name = true;
    options.boot.seed = 1;
    options.peers_name = Address{"nodes.test", 7443};
    options.request_timeout = 1s;
    options.crypto = std::make_unique<auth::OpensslCrypto>("a cluster secret of enough bytes");
    driver_ = std::make_unique<Driver>(std::move(options), static_cast<Ports&>(*this));
    driver_->start();
    keep_up();
  }

  void leads_to(std::vector<std::string> addresses) {
    run(limits::kNameIntervalMax);
    driver_->looked_up({std::move(addresses), ""});
    run(0s);
  }
  // The hello that stands at this address is answered by that node.
  void answers(const std::string& address, const NodeId& id) {
    const ConnId conn = dialled_.at(address);
    driver_->dialled(conn);
    peer::Session other(peer::Side::kAcceptor, {id, Incarnation{7}, {}, address, id + ":8443", "0.1.0"}, "",
                        now_.mono);
    other.feed(output_[conn]);
    driver_->received(conn, other.take_output());
    driver_->flush();
    keep_up();
  }
  void loses(const std::string& address) {
    driver_->ended(dialled_.at(address), LinkEnd::kReset);
    driver_->flush();
    keep_up();
  }
  bool founded() const { return driver_->node().raft().hard_state().cluster_id != ClusterId{}; }
  size_t members() const { return driver_->node().raft().log().configuration()->members.size(); }

 private:
  void run(Duration time) {
    now_.mono = now_.mono + time;
    driver_->wake();
    driver_->flush();
    keep_up();
  }
  void keep_up() {
    while (std::exchange(writes_, false)) {
      driver_->log_written(1ms);
      driver_->flush();
    }
  }

  Now now() override { return now_; }
  void dial(ConnId conn, const std::string& address) override { dialled_[address] = conn; }
  size_t write(ConnId conn, std::string&& bytes) override {
    output_[conn] += bytes;
    return bytes.size();
  }
  void write_log(wal::Write&&) override { writes_ = true; }

  Now now_{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  bool writes_ = false;
  std::map<std::string, ConnId> dialled_;  // last
  std::map<ConnId, std::string> output_;
  std::unique_ptr<Driver> driver_;
};

TEST(DriverFounds, WithThoseOfTheName) {
  Founder a;
  a.leads_to({"10.0.0.2:7443", "10.0.0.3:7443"});
  a.answers("10.0.0.2:7443", "b");
  EXPECT_FALSE(a.founded());
  a.answers("10.0.0.3:7443", "c");
  ASSERT_TRUE(a.founded());
  EXPECT_EQ(a.members(), 3U);
}

// The last address of the name is settled by the very node that is one too many.
TEST(DriverFounds, NothingWhenTheLastToAnswerIsOneTooMany) {
  Founder a;
  a.leads_to({"10.0.0.2:7443", "10.0.0.3:7443", "10.0.0.4:7443"});
  a.answers("10.0.0.2:7443", "b");
  a.answers("10.0.0.3:7443", "c");
  EXPECT_FALSE(a.founded()) << "nobody has answered at the third address";
  a.answers("10.0.0.4:7443", "d");
  EXPECT_FALSE(a.founded()) << "which three of the four are meant is not known";
}

TEST(DriverFounds, NothingWhenOneTooManyIsOutOfSightForAMoment) {
  Founder a;
  a.leads_to({"10.0.0.2:7443", "10.0.0.3:7443", "10.0.0.4:7443"});
  a.answers("10.0.0.2:7443", "b");
  a.answers("10.0.0.3:7443", "c");
  a.answers("10.0.0.4:7443", "d");
  a.loses("10.0.0.4:7443");
  EXPECT_FALSE(a.founded());
}

}  // namespace
}  // namespace patronus::driver_founding_test
