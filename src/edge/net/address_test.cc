#include "edge/net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::edge {
namespace {

TEST(AddressTest, HostAndPortAreTakenApart) {
  for (auto [text, host, port] : {std::tuple("127.0.0.1:7101", "127.0.0.1", 7101), std::tuple("[::1]:0", "::1", 0),
                                  std::tuple("store-03.example:65535", "store-03.example", 65535)}) {
    auto address = parse_address(text);
    ASSERT_TRUE(address) << text << ": " << address.error().text;
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->port, port);
  }
}

TEST(AddressTest, WhatIsNoAddressIsRefusedWithAnExample) {
  for (std::string text : {"", "7101", "host", ":7101", "host:", "host:65536", "host:-1", "host:7101x", "host: 7101",
                           "::1:7101", "[]:1", "a b:1", "a/b:1", "http://host:1"}) {
    auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, "edge/bad_address");
    EXPECT_THAT(address.error().text, ::testing::HasSubstr("127.0.0.1:7101"));
  }
  EXPECT_FALSE(parse_address(std::string(1'000'000, 'a') + ":1"));
}

TEST(AddressTest, ThisMachineIsKnownHoweverItIsWritten) {
  for (const char* here : {"127.0.0.1", "127.8.0.1:7400", "::1", "[::1]", "[::1]:7400", "localhost", "localhost:7400",
                           "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:7400"})
    EXPECT_TRUE(is_loopback(here)) << here;
  for (const char* elsewhere : {"", ":", "[", "192.168.1.27", "10.0.0.1:127", "fd00::1", "[fd00::1]:7400",
                                "::", "localhost.shop:80", "till.localhost"})
    EXPECT_FALSE(is_loopback(elsewhere)) << elsewhere;
}

}  // namespace
}  // namespace holdfast::edge
