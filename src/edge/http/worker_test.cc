#include "edge/http/worker.h"

#include <gmock/gmock.h>

#include <future>
#include <string>

namespace holdfast::http {
namespace {

// A spare's codes: who floods from elsewhere keeps nobody waiting who stands before the machine.
TEST(Worker, WhatGoesFirstWaitsForNoneOfTheOthersAndHasRoomOfItsOwn) {
  std::promise<void> goes_on, has_begun;
  std::string order;
  {
    Worker worker(2);
    ASSERT_TRUE(worker.post([&] {
      has_begun.set_value();
      goes_on.get_future().wait();
    }));
    has_begun.get_future().wait();
    EXPECT_TRUE(worker.post([&] { order += "others "; }));
    EXPECT_TRUE(worker.post([&] { order += "others "; }));
    EXPECT_FALSE(worker.post([&] { order += "never "; }));
    EXPECT_TRUE(worker.post_first([&] { order += "first "; }));
    goes_on.set_value();
  }
  EXPECT_EQ(order, "first others others ");
}

}  // namespace
}  // namespace holdfast::http
