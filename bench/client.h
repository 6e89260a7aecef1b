// One client of a server that is measured: its own connection, one request in flight.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "bench/workload.h"

namespace holdfast::bench {

class Client {
 public:
  virtual ~Client() = default;
  // Builds the request of one batch, before the clock starts.
  virtual void prepare(std::span<const BenchSale> batch) = 0;
  // Sends the next prepared one and returns when every sale of it is acknowledged. Throws std::runtime_error otherwise.
  virtual void send_next() = 0;
};

struct HttpServer {
  std::string host, port, token;  // of `Authorization: Local`
};
std::unique_ptr<Client> make_http_client(const HttpServer& server, unsigned till);
// Lists the workload's products at head office.
void list_products(const HttpServer& head_office);

std::unique_ptr<Client> make_postgres_client(const std::string& connection, unsigned till);
void make_postgres_tables(const std::string& connection, unsigned tills);
// The sales from number `first` on into the tables of make_postgres_tables(), by COPY, 1,000 a transaction.
void load_postgres(const std::string& connection, std::uint64_t first, std::uint64_t count);
struct Sums {
  std::uint64_t sales = 0;
  std::int64_t pence = 0, pieces = 0;
};
Sums postgres_sums(const std::string& connection);

}  // namespace holdfast::bench
