FROM debian-base:12
RUN apt-get update && apt-get install -y --no-install-recommends binutils \
 && rm -rf /var/lib/apt/lists/* && find /var/log /var/cache -type f -delete
