// Who the client is: nobody can give themselves another address, and what can't be read changes nothing.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/auth/remote.h"

namespace patronus::auth::remote_test {
namespace {

using Values = std::vector<std::string_view>;

TrustedProxies proxies(std::string_view text) {
  auto parsed = TrustedProxies::parse(text);
  if (const auto* error = std::get_if<std::string>(&parsed)) {
    ADD_FAILURE() << *error;
    return {};
  }
  return std::get<TrustedProxies>(std::move(parsed));
}

std::string refusal(std::string_view text) {
  const auto parsed = TrustedProxies::parse(text);
  const auto* error = std::get_if<std::string>(&parsed);
  return error == nullptr ? "accepted" : *error;
}

std::string address(std::string_view connection, const Values& forwarded,
                    const TrustedProxies& trusted = {}) {
  return client_of(connection, forwarded, trusted).address;
}

TEST(Ip, ReadsAndWritesAddresses) {
  EXPECT_EQ(parse_ip("192.0.2.1")->text(), "192.0.2.1");
  EXPECT_EQ(parse_ip("2001:DB8:0:0:0:0:0:1")->text(), "2001:db8::1");
  EXPECT_EQ(parse_ip("::ffff:192.0.2.1"), parse_ip("192.0.2.1"));
  EXPECT_EQ(parse_ip("::ffff:c000:201")->text(), "192.0.2.1");
  EXPECT_FALSE(parse_ip("::192.0.2.1")->is_v4());
  for (const std::string& text :
       {std::string(), std::string("192.0.2"), std::string("192.0.2.1.5"), std::string("192.0.2.256"),
        std::string("192.0.2.01"), std::string(" 192.0.2.1"), std::string("192.0.2.1 "),
        std::string("0xC0.0.2.1"), std::string("3221225985"), std::string("192.0.2.1\0x", 11),
        std::string("[::1]"), std::string("::1%lo"), std::string(":::"), std::string("1:2:3:4:5:6:7:8:9"),
        std::string("localhost"), std::string(1000, '1')}) {
    EXPECT_EQ(parse_ip(text), std::nullopt) << text;
  }
}

TEST(TrustedProxies, AreThisMachineByDefault) {
  const TrustedProxies trusted;
  for (const char* text : {"127.0.0.1", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(trusted.contains(*parse_ip(text)));
  for (const char* text : {"127.0.0.2", "::2", "::", "0.0.0.0", "10.0.0.1"}) {
    EXPECT_FALSE(trusted.contains(*parse_ip(text))) << text;
  }
}

TEST(TrustedProxies, MayBeBlocks) {
  const TrustedProxies trusted = proxies(" 10.0.0.0/8,192.0.2.7 , 172.16.0.0/12, fd00::/8 ,2001:db8::5/128");
  for (const char* text : {"10.0.0.0", "10.255.255.255", "192.0.2.7", "172.31.255.255", "fd12:3::4",
                           "2001:db8::5", "::ffff:10.1.1.1"}) {
    EXPECT_TRUE(trusted.contains(*parse_ip(text))) << text;
  }
  for (const char* text : {"9.255.255.255", "11.0.0.0", "192.0.2.6", "172.15.255.255", "172.32.0.0",
                           "fc00::1", "fe00::", "2001:db8::4", "127.0.0.1", "::1", "::10.0.0.1"}) {
    EXPECT_FALSE(trusted.contains(*parse_ip(text))) << text;
  }
}

TEST(TrustedProxies, MayBeNobodyOrEverybody) {
  EXPECT_FALSE(proxies("").contains(*parse_ip("127.0.0.1")));
  EXPECT_FALSE(proxies(" \t").contains(*parse_ip("127.0.0.1")));
  EXPECT_TRUE(proxies("0.0.0.0/0").contains(*parse_ip("203.0.113.9")));
  EXPECT_FALSE(proxies("0.0.0.0/0").contains(*parse_ip("2001:db8::1")));
  EXPECT_TRUE(proxies("::/0").contains(*parse_ip("2001:db8::1")));
}

TEST(TrustedProxies, AreRefusedWithWhatWouldDo) {
  EXPECT_EQ(
      refusal("balancer"),
      "\"balancer\" is not an IP address or block of addresses; write for example 192.0.2.7, 10.0.0.0/8 or "
      "fd00::/8");
  EXPECT_EQ(refusal("10.0.0.0/33"),
            "\"10.0.0.0/33\" has no valid length after the slash; it must be a number from 0 to 32");
  EXPECT_EQ(refusal("fd00::/129"),
            "\"fd00::/129\" has no valid length after the slash; it must be a number from 0 to 128");
  EXPECT_EQ(refusal("10.1.2.3/8"), "\"10.1.2.3/8\" has bits set after the first 8; write 10.0.0.0/8");
  EXPECT_EQ(refusal("::ffff:10.1.2.3/104"),
            "\"::ffff:10.1.2.3/104\" has bits set after the first 104; write ::ffff:10.0.0.0/104");
  for (const char* text : {",", "127.0.0.1,", "127.0.0.1,,::1", "127.0.0.1 ::1", "10.0.0.0/", "10.0.0.0/-1",
                           "10.0.0.0/8/8", "10.0.0.0/0x8", "/8", "10.0.0.0 /8", "127.0.0.1:80", "[::1]"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
  std::string many = "10.0.0.1";
  for (size_t i = 1; i < limits::kTrustedProxiesMax; ++i) many += ",10.0.0.1";
  EXPECT_EQ(refusal(many), "accepted");
  EXPECT_EQ(refusal(many + ",10.0.0.1"), "more than 64 addresses; write blocks such as 10.0.0.0/8 instead");
}

TEST(Client, IsThePeerUnlessThePeerIsTrusted) {
  EXPECT_EQ(address("203.0.113.9", {}), "203.0.113.9");
  EXPECT_EQ(address("203.0.113.9", {"198.51.100.1"}), "203.0.113.9");
  EXPECT_EQ(address("127.0.0.1", {}), "127.0.0.1");
  EXPECT_EQ(address("127.0.0.1", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(address("::ffff:127.0.0.1", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(address("::1", {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(address("127.0.0.1", {"198.51.100.1"}, proxies("")), "127.0.0.1");
}

// Scenario: a client sends an X-Forwarded-For of its own; the balancer appends to it or adds another.
TEST(Client, WhatAClientMadeUpIsFurtherLeft) {
  EXPECT_EQ(address("127.0.0.1", {"1.1.1.1, 198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {"127.0.0.1,127.0.0.1,198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {"1.1.1.1", "198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {"garbage \x01 [,,,", "198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {std::string(100'000, ',') + "198.51.100.1"}), "198.51.100.1");
}

TEST(Client, IsBeyondAllTrustedProxies) {
  const TrustedProxies trusted = proxies("127.0.0.1, 10.0.0.0/8");
  EXPECT_EQ(address("127.0.0.1", {"1.1.1.1, 198.51.100.1, 10.0.0.7"}, trusted), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {"198.51.100.1", "10.0.0.7,10.0.0.8"}, trusted), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {"10.0.0.1, 10.0.0.2"}, trusted), "10.0.0.1") << "all are trusted";
}

TEST(Client, MayComeWithAPort) {
  EXPECT_EQ(address("127.0.0.1", {"198.51.100.1:4711"}), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {"[2001:db8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(address("127.0.0.1", {"[2001:db8::1]"}), "2001:db8::1");
}

TEST(Client, IsThePeerWhereTheHeaderIsNoUse) {
  for (const char* value :
       {"", ",", " ", "198.51.100.1,", "unknown", "198.51.100.1, unknown", "198.51.100.1:", "198.51.100.1:x",
        "198.51.100.1:65536", "[198.51.100.1]", "[2001:db8::1", "[2001:db8::1]x", "[", "\"198.51.100.1\"",
        "198.51.100.1 198.51.100.2", "198.51.100.1;x"}) {
    EXPECT_EQ(address("127.0.0.1", {value}), "127.0.0.1") << value;
  }
  std::string hops = "198.51.100.1";
  for (size_t i = 0; i < limits::kForwardedHopsMax - 1; ++i) hops += ",127.0.0.1";
  EXPECT_EQ(address("127.0.0.1", {hops}), "198.51.100.1");
  EXPECT_EQ(address("127.0.0.1", {hops + ",127.0.0.1"}), "127.0.0.1") << "too many hops";
  EXPECT_EQ(address("no address", {"198.51.100.1"}), "no address");
}

TEST(Client, IsCountedByTheAddressOrItsCustomersNetwork) {
  const TrustedProxies trusted;
  EXPECT_EQ(client_of("203.0.113.9", {}, trusted).limit_key, "203.0.113.9");
  EXPECT_EQ(client_of("::ffff:203.0.113.9", {}, trusted).limit_key, "203.0.113.9");
  EXPECT_EQ(client_of("2001:db8:1:2:3:4:5:6", {}, trusted).address, "2001:db8:1:2:3:4:5:6");
  EXPECT_EQ(client_of("2001:db8:1:2:3:4:5:6", {}, trusted).limit_key, "2001:db8:1:2::/64");
  EXPECT_EQ(client_of("2001:db8:1:2::9", {}, trusted).limit_key, "2001:db8:1:2::/64");
  EXPECT_EQ(client_of("2001:db8:1:3::9", {}, trusted).limit_key, "2001:db8:1:3::/64");
}

RC_GTEST_PROP(ClientProperty, NothingAClientSendsChangesItsAddress, (const std::string& made_up)) {
  const std::string header = made_up + ", 198.51.100.1";
  RC_ASSERT(address("127.0.0.1", {header}) == "198.51.100.1");
  RC_ASSERT(address("127.0.0.1", {made_up, "198.51.100.1"}) == "198.51.100.1");
  RC_ASSERT(address("203.0.113.9", {made_up}) == "203.0.113.9");
}

RC_GTEST_PROP(TrustedProxiesProperty, ABlockIsItsLeadingBits, (uint32_t block, uint32_t other)) {
  const auto text = [](uint32_t v4) {
    return std::to_string(v4 >> 24) + "." + std::to_string(v4 >> 16 & 255) + "." +
           std::to_string(v4 >> 8 & 255) + "." + std::to_string(v4 & 255);
  };
  const auto length = *rc::gen::inRange<uint32_t>(0, 33);
  const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
  // Half of the time an address that shares the block's leading bits.
  const uint32_t tried = *rc::gen::inRange(0, 2) == 0 ? other : ((block & mask) | (other & ~mask));
  const TrustedProxies trusted = proxies(text(block & mask) + "/" + std::to_string(length));
  RC_ASSERT(trusted.contains(*parse_ip(text(tried))) == ((tried & mask) == (block & mask)));
}

}  // namespace
}  // namespace patronus::auth::remote_test
