FROM debian-base:12
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip \
 && rm -rf /var/lib/apt/lists/* && find /var/log /var/cache -type f -delete \
 && rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED
