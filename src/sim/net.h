/* TCP on the loopback address, non-blocking. */
#ifndef WHARF_SIM_NET_H
#define WHARF_SIM_NET_H

/* fd or -errno. */
int net_listen(int port);
int net_connect(int port);
int net_accept(int listener);

/* Closes with a reset: the other side sees a broken connection, not an orderly end. */
void net_reset(int fd);

#endif
