"""Makes `twistd mailhub` known to Twisted."""

from twisted.application.service import ServiceMaker

service_maker = ServiceMaker("mailhub", "mailhub.tap", "A complete mail server", "mailhub")
