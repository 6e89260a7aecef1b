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

}  // namespace
}  // namespace holdfast::edge
