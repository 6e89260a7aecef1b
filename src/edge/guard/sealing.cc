#include "edge/guard/sealing.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include "edge/net/address.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::guard {

Result<std::string> ask_helper(const std::string& socket, std::string_view verb, Duration patience) {
  const auto no = [&](std::string_view code, int error) {
    return fail(code, fmt::format("{}: {}", socket, std::generic_category().message(error)));
  };
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (socket.empty() || socket.size() >= sizeof to.sun_path) return fail("guard/no_helper", "no helper is configured");
  std::memcpy(to.sun_path, socket.data(), socket.size());
  const edge::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return no("guard/no_helper", errno);
  const timeval wait{static_cast<time_t>(patience.ns / 1'000'000'000),
                     static_cast<suseconds_t>(patience.ns / 1000 % 1'000'000)};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return no("guard/no_helper", errno);
  const std::string line = std::string(verb) + "\n";
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    return no("guard/helper_failed", errno);
  std::string answer;
  char buffer[512];
  while (answer.size() < 2000 && answer.find('\n') == std::string::npos) {
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (n < 0) return no("guard/helper_failed", errno);
    if (n == 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  answer = answer.substr(0, answer.find('\n'));
  if (!answer.starts_with("ok")) return fail("guard/helper_failed", answer.empty() ? "it said nothing" : answer);
  return answer.size() > 3 ? answer.substr(3) : std::string();
}

namespace {

// A connection under way to a target; invalid: it could not begin, or it has ended already.
edge::Descriptor begin_dial(Probed& target) {
  const auto address = edge::parse_address(target.address);
  if (!address) return {};
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;  // a name would ask DNS, which is outside as well
  if (::getaddrinfo(address->host.c_str(), std::to_string(address->port).c_str(), &hints, &found) != 0) return {};
  target.dialled = true;
  edge::Descriptor fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.valid() && ::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS) {
    target.answered = errno == ECONNREFUSED || errno == ECONNRESET;
    fd = edge::Descriptor();
  }
  ::freeaddrinfo(found);
  return fd;
}

std::string names_of(const std::vector<Probed>& probed, bool (*which)(const Probed&)) {
  std::string out;
  for (const Probed& each : probed)
    if (which(each)) out += (out.empty() ? "" : ", ") + each.name + " (" + each.address + ")";
  return out;
}

}  // namespace

std::vector<Probed> probe(std::vector<Probed> targets, Duration patience) {
  std::vector<edge::Descriptor> dialled;
  std::vector<pollfd> waits;
  for (Probed& target : targets) {
    dialled.push_back(begin_dial(target));
    waits.push_back({dialled.back().valid() ? dialled.back().get() : -1, POLLOUT, 0});
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(patience.ns);
  std::size_t open = targets.size();
  while (open > 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0 || ::poll(waits.data(), waits.size(), static_cast<int>(left)) <= 0) break;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(waits[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
      // A refusal is an answer, too: a packet came back.
      targets[i].answered = error == 0 || error == ECONNREFUSED || error == ECONNRESET;
      waits[i].fd = -1;
      --open;
    }
    if (std::ranges::all_of(waits, [](const pollfd& w) { return w.fd < 0; })) break;
  }
  return targets;
}

OurEnd our_end(const std::vector<Probed>& probed) {
  if (std::ranges::any_of(probed, &Probed::answered)) return OurEnd::answers;
  return std::ranges::any_of(probed, &Probed::dialled) ? OurEnd::proved : OurEnd::not_proved;
}

std::string_view to_text(OurEnd end) {
  return end == OurEnd::answers ? "answers" : end == OurEnd::proved ? "proved" : "not proved";
}

std::string told(const std::vector<Probed>& probed) {
  const std::string names = names_of(probed, [](const Probed& each) { return !each.dialled; });
  const std::string not_dialled =
      names.empty() ? "" : fmt::format(" Not dialled, because a name would ask DNS: {}.", names);
  switch (our_end(probed)) {
    case OurEnd::answers:
      return fmt::format("NOT PROVED: the packet filter is set, and yet {} answered.{}",
                         names_of(probed, [](const Probed& each) { return each.answered; }), not_dialled);
    case OurEnd::proved:
      return fmt::format(
          "Proved from our end: {} addresses dialled, none answered.{} Other end: unreachable from here.",
          std::ranges::count_if(probed, &Probed::dialled), not_dialled);
    case OurEnd::not_proved:
      break;
  }
  return fmt::format("The packet filter is set. Not proved from our end: nobody was dialled.{}", not_dialled);
}

}  // namespace holdfast::guard
