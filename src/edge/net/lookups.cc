#include "edge/net/lookups.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace holdfast::edge {

HostAddresses addresses_of(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return {{}, ::gai_strerror(error)};
  HostAddresses out;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char number[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, number, sizeof number, nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    if (std::ranges::find(out.numbers, number) == out.numbers.end()) out.numbers.emplace_back(number);
  }
  ::freeaddrinfo(found);
  if (out.numbers.empty()) out.problem = "it has no address";
  return out;
}

// Where a thread leaves what it has found; closed once nobody takes it any more.
struct Lookups::Mailbox {
  std::mutex mutex;
  boost::asio::io_context* io;
  Lookups* to;
  void deliver(const std::string& host, HostAddresses found) {
    const std::lock_guard lock(mutex);
    if (to == nullptr) return;
    boost::asio::post(*io, [to = to, host, found = std::move(found)]() mutable { to->take(host, std::move(found)); });
  }
};

Lookups::Lookups(boost::asio::io_context& io, Ask ask) : ask_(std::move(ask)), mailbox_(new Mailbox{{}, &io, this}) {}

// What was posted before is destroyed with `io`, or runs never: nobody runs it any more.
Lookups::~Lookups() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->to = nullptr;
}

void Lookups::look_up(const std::string& host, Answer answer) {
  Host& at = hosts_[host];
  if (at.is_asked && !at.last.numbers.empty()) return answer(at.last);
  at.waiting.push_back(std::move(answer));
  if (!at.is_asked) ask(host);
}

void Lookups::ask(const std::string& host) {
  hosts_[host].is_asked = true;
  try {
    std::thread([mailbox = mailbox_, question = ask_, host] { mailbox->deliver(host, question(host)); }).detach();
  } catch (const std::system_error& error) {
    take(host, {{}, error.code().message()});
  }
}

void Lookups::take(const std::string& host, HostAddresses found) {
  Host& at = hosts_[host];
  at.is_asked = false;
  if (!found.numbers.empty()) at.last = found;
  const HostAddresses told = at.last.numbers.empty() ? std::move(found) : at.last;
  for (const Answer& answer : std::exchange(at.waiting, {})) answer(told);
}

}  // namespace holdfast::edge
