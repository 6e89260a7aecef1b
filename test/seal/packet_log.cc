// For tests: writes down every IP packet that comes to an interface from outside, with the kernel's time for it, so
// that what left a sealed site is counted outside that site and to the nanosecond. Needs CAP_NET_RAW.
//
//   packet_log INTERFACE FILE      lines "NANOSECONDS FAMILY BYTES", until SIGTERM
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>

namespace {
volatile sig_atomic_t stopping = 0;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  signal(SIGTERM, [](int) { stopping = 1; });
  const int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(if_nametoindex(argv[1]));
  const int on = 1, room = 64 << 20;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (fd < 0 || at.sll_ifindex == 0 || bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) {
    std::perror("packet_log");
    return 1;
  }
  std::FILE* out = std::fopen(argv[2], "w");
  if (out == nullptr) return 1;
  std::fprintf(out, "ready\n");
  std::fflush(out);
  while (stopping == 0) {
    pollfd waits{fd, POLLIN, 0};
    if (poll(&waits, 1, 100) <= 0) {
      std::fflush(out);
      continue;
    }
    char packet[64], control[256];
    iovec part{packet, sizeof packet};
    sockaddr_ll from{};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(fd, &message, MSG_TRUNC);
    if (size <= 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
    const int family = from.sll_protocol == htons(ETH_P_IP) ? 4 : from.sll_protocol == htons(ETH_P_IPV6) ? 6 : 0;
    if (family == 0) continue;
    timespec seen{};
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c))
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) std::memcpy(&seen, CMSG_DATA(c), sizeof seen);
    std::fprintf(out, "%lld %d %zd\n", static_cast<long long>(seen.tv_sec) * 1'000'000'000 + seen.tv_nsec, family,
                 size);
  }
  std::fclose(out);
  return 0;
}
