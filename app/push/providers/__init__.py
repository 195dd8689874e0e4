"""Those who bring a push to a device: FCM, APNs, Web Push, and a log for development, behind `provider.Provider`."""
